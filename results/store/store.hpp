// results.db: what a sweep asked for and what came of it. The coordinator is its only writer.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/trial/epoch_metrics.hpp"
#include "common/trial/trial.hpp"
#include "common/util/in_flight.hpp"
#include "results/store/journal.hpp"
#include "results/store/run_outcome.hpp"

namespace thaw {

/// An image that nothing is trained on.
struct ImageRecord {
    std::string path;  // in the data folder
    int label = 0;
    std::string trained_copy = {};  // a training image of the same content; empty: none
};

/// One invocation of `thaw run`.
struct SweepRecord {
    std::string name;
    std::string yaml;  // the sweep file's text
    std::string command_line;
    std::string data_folder;
    std::string data_fingerprint;  // of images, split and decoding: only trials with the same one are compared
    std::vector<std::string> classes;
    int train_images = 0, validation_images = 0, test_images = 0, bad_images = 0;
    std::vector<ImageRecord> validation = {}, test = {};  // as predictions number them
    std::vector<std::string> findings = {};               // in the data, a sentence each
    std::map<std::string, std::string> environment;       // version, host, cpu, cores, blas, libtorch, mpi, ranks...
    std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();  // its wall-clock time counts
};

using EpochRecord = EpochMetrics;

inline constexpr const char* kCutShort = "interrupted";

struct StageRecord {
    std::string kind;         // "decode", "features", "train"
    std::string description;  // for people: "mobilenet_v2 @224, 2 taps"
    int rank = 0;
    int trials = 0;  // how many it served
    double predicted_seconds = 0, seconds = 0;
    std::int64_t predicted_bytes = 0, bytes = 0;  // written to the cache
    bool reused = false;                          // its output stood in the cache already
    std::int64_t computed = 0;                    // images decoded or forwarded; the rows of the others were copied
    std::string error = {};                       // empty: it succeeded; kCutShort: the run ended first
    int ranks = 1;                                // how many worked on it
};

/// Opens (or creates) the database; all writes are transactions, a finished trial's row is never rewritten (triggers in
/// schema.sql see to it). Throws UserError: read-only, not a database, damaged, a newer schema, locked by another
/// `thaw run` (it says which process); StorageError: disk full. Not for use by two threads at once.
class Store {
  public:
    explicit Store(const std::filesystem::path& path);
    Store(const std::filesystem::path& path, Journal journal);  // not as its file system wants it; for tests
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    /// Records the invocation; trials it asks for are added as waiting unless they are there. Trials found running or
    /// failed (an earlier run was killed, or the cause may be mended) become waiting again and lose their epochs; the
    /// failures stay in the table of failures. Finished and stopped trials keep all they have. Of trials that are no
    /// longer asked for, those stay too (and are shown as long as the data is the same), the others go.
    /// `reports`: what processes of the world before said of their own end.
    void begin_sweep(const SweepRecord& sweep, const std::vector<Trial>& trials,
                     const std::vector<CrashReport>& reports = {});
    /// How long the plan says that this invocation's stages take, from the first one's start to the last one's end.
    void record_prediction(double seconds);
    /// What is held against trials that were running when a world died, by id, since an invocation last ended in order.
    struct Deaths {
        int count = 0;  // without one more epoch done; at least 1
        std::string reason;
    };
    /// A death counts against those in flight in a process that reported its own end, and those that were overdue.
    std::map<std::string, Deaths> deaths() const;
    /// Trials in flight: their present epoch takes many times as long as it should, or goes on after all.
    void set_overdue(const std::vector<std::string>& ids, bool overdue);
    /// What still runs waits again: it was left in order, no world has died.
    /// `seconds`: how long the stages took, the same span as predicted; unknown where none are given.
    void end_sweep(RunOutcome outcome, double seconds = std::numeric_limits<double>::quiet_NaN(),
                   const std::string& message = "");

    /// Ids among `trials` that are finished already.
    std::vector<std::string> finished(const std::vector<Trial>& trials) const;
    /// By id, the epochs of those among `trials` that are finished or stopped, in order. Metrics that were not finite
    /// numbers are NaN.
    std::map<std::string, std::vector<EpochRecord>> shown(const std::vector<Trial>& trials) const;

    /// Begins a trial, or goes on with a stopped one, which keeps its epochs and the time when it first started.
    /// To be called before its work begins: should the world die, the trial will be found running.
    void start_trial(const std::string& id, int rank);
    /// The same epoch again (a trial that went on from a snapshot) takes the place of the earlier record. Predictions,
    /// where it has some, are those of the trial's end.
    void record_epoch(const std::string& id, const EpochRecord& epoch);
    /// It waits for a decision, and is not in flight meanwhile.
    void pause_trial(const std::string& id);
    /// `result_epoch`: the recorded epoch that its result is of; 0: the last one.
    void finish_trial(const std::string& id, int result_epoch = 0);
    /// What a finished trial takes each test image for, -1 for one that cannot be read; of several times the first
    /// stays.
    void record_test(const std::string& id, const std::vector<int>& predicted);
    /// The search's rule pauses the trial after its last recorded epoch; it may go on later, in this invocation or
    /// another.
    void stop_trial(const std::string& id);
    void fail_trial(const std::string& id, const std::string& message);
    void record_stage(const StageRecord& stage);
    /// How many images could not be read; of several counts (one an image size) the largest stays.
    void record_bad_images(int images);

    /// Makes all that `writes` records one transaction: much cheaper than one each where many come at once.
    void together(const std::function<void()>& writes);

  private:
    struct Implementation;
    std::unique_ptr<Implementation> implementation_;
};

}  // namespace thaw
