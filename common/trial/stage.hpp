// A stage as a worker receives it: a unit of work with all that is needed to do it, and nothing about why.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

#include "common/trial/data_options.hpp"
#include "common/trial/tap.hpp"
#include "common/trial/trial.hpp"

namespace thaw {

/// Which weights a network starts from, as resolved before the start.
struct WeightsSpec {
    std::string path;    // empty: random, drawn from the trial's seed
    std::string sha256;  // empty: random
    std::string preprocessing = "torch";
    std::string padding = "symmetric";
};

/// Decodes every image of a dataset once into an array file.
struct DecodeStage {
    std::string dataset;  // path of the dataset's JSON
    DecodeOptions options;
    Trial trial;  // one of those it serves: where that has views, they follow the images
    OnBadImage on_bad_image = OnBadImage::stop;
    std::string output;             // path of the array file
    std::int64_t cache_budget = 0;  // bytes that its folder may hold; 0: it is a folder of this run alone
};

/// One forward pass over all decoded images through the frozen part of a backbone, keeping what crosses some cuts.
struct FeaturesStage {
    struct KeptTap : Tap {
        std::string output;  // path of the array file, [images, elements] float32
    };
    std::string images;  // path of the decoded array file
    std::string backbone;
    WeightsSpec weights;
    std::uint64_t seed = 0;  // of random weights; otherwise without effect
    int image_size = 224;
    Precision precision = Precision::float32;
    std::vector<KeptTap> taps;
    std::int64_t cache_budget = 0;  // as of DecodeStage
};

/// A snapshot is written where the epoch to come would end later than this after the one before. So a kill costs at
/// most the epoch under way, or so much training where epochs are shorter.
constexpr std::chrono::milliseconds kLongestLoss{500};

/// Where features are computed anew in every epoch: bytes that are in memory at once, and as many again of those that
/// are evaluated, which stay there.
constexpr std::int64_t kWindowBytes = 64 << 20;

/// Trains trajectories that read the same input and have the same fold: each a tail with its head, or a head alone. One
/// that fails harms only itself.
struct TrainStage {
    struct Checkpoint {
        Trial trial;       // one of the trajectory's: its own epochs and id
        std::string path;  // of the file with its weights
    };
    struct Trajectory {
        Trial trial;            // trains until after trial.epochs
        std::vector<int> ends;  // epochs that end a trial
        int reported = 0;       // epochs whose metrics the coordinator has already
        std::string start;      // path of the weights that an earlier phase has left; empty: it is the first
        std::string resume;     // path of a snapshot to go on from; empty or unusable: train from the beginning
        std::string keep_last;  // path where the snapshot after the last epoch is kept, and takes the place of the one
                                // it went on from; empty: it is not
        std::string snapshot_folder, snapshot_key;  // where, and as whose, snapshots are written while it trains; no
                                                    // key: none are
        Keep keep = Keep::none;
        std::vector<Checkpoint> checkpoints;  // of the trials that are not finished, where any weights are kept
        std::vector<Checkpoint> phase_ends;   // of the trials that later phases go on from; always their last epoch's
        bool test = false;                    // after the last epoch it says what each test image is taken for
    };
    std::string dataset;     // path of the dataset's JSON
    std::string images;      // path of the decoded array file; its list of bad images is left out
    std::string features;    // path of the tap's array file; empty: see recompute
    bool recompute = false;  // without features: carry every batch through the frozen part anew, once for all
                             // trajectories; they share cut, seed and batch size then. False: train from the images
    DecodeOptions decode;    // of the images, for who uses the trained weights later
    WeightsSpec weights;
    std::vector<Trajectory> trajectories;
    std::int64_t cache_budget = 0;  // as of DecodeStage; of the folder where snapshots are kept
};

using StageSpec = std::variant<DecodeStage, FeaturesStage, TrainStage>;

enum class StageKind { decode, features, train };  // in the order of StageSpec

/// "decode", "features" or "train".
const char* kind_name(StageKind kind);

nlohmann::json to_json(const StageSpec& stage);
StageSpec stage_from_json(const nlohmann::json& json);

}  // namespace thaw
