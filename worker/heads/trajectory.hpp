// The epoch loop that every trajectory goes through, whatever trains in it; alone or side by side with others.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/trial/classification_metrics.hpp"
#include "common/trial/epoch_metrics.hpp"
#include "common/trial/epoch_rules.hpp"
#include "common/trial/trial.hpp"
#include "worker/communicator/group.hpp"
#include "worker/heads/snapshot.hpp"
#include "worker/weights/tensor_file.hpp"

namespace thaw {

/// Images of one part (train or validation) by their row in the arrays, with labels.
struct Samples {
    std::vector<int> rows, labels;
    int size() const { return static_cast<int>(rows.size()); }
};

/// Sums over the images of a batch.
struct BatchSums {
    double loss = 0;
    int correct = 0;
    std::vector<int> predicted = {};     // of evaluate(): the class that each image is taken for
    std::vector<double> log_odds = {};   // of evaluate(), two classes: log(p / (1 - p)) of the second, by image
    std::optional<int> among_five = {};  // of evaluate(), more than five classes: labels among the five likeliest
    BatchSums& operator+=(const BatchSums& other) {
        loss += other.loss;
        correct += other.correct;
        predicted.insert(predicted.end(), other.predicted.begin(), other.predicted.end());
        log_odds.insert(log_odds.end(), other.log_odds.begin(), other.log_odds.end());
        if (other.among_five) among_five = among_five.value_or(0) + *other.among_five;
        return *this;
    }
    /// `ranking` of an image, ranking_of() so many logits.
    void note_ranking(std::size_t logits, double ranking) {
        if (logits == 2) log_odds.push_back(ranking);
        if (logits > kBest) among_five = among_five.value_or(0) + static_cast<int>(ranking);
    }
    static constexpr std::size_t kBest = 5;
};

/// What an image's logits say beyond its class and loss. Of two: the log odds of the second class; of more than five: 1
/// where the label is among the five likeliest; otherwise, and where it is not, 0.
template <typename Scalar>
double ranking_of(std::span<const Scalar> logits, int label) {
    if (logits.size() == 2) return static_cast<double>(logits[1]) - static_cast<double>(logits[0]);
    if (logits.size() <= BatchSums::kBest) return 0;
    return is_among_best(logits, static_cast<std::size_t>(label), BatchSums::kBest) ? 1 : 0;
}

/// Where models find what the images with some row numbers look like: row r begins at base + place * elements, place
/// being places[r], or r itself where there are no places. Base and places stay where they are; what is there may
/// change between the windows of an epoch.
template <typename Element>
struct Rows {
    const Element* base = nullptr;
    std::int64_t elements = 0;
    const int* places = nullptr;
    const Element* operator[](int row) const { return base + (places ? places[row] : row) * elements; }
};

/// What a trajectory trains: a head alone, or a tail with its head.
class Model {
  public:
    virtual ~Model() = default;
    /// Of the steps to come, in place of the trial's.
    virtual void set_learning_rate(double rate) = 0;
    /// One optimizer step on the mean loss of the batch; sums as they are before the step, with dropout. `epoch` counts
    /// on over the phases of a training.
    virtual BatchSums train_batch(std::span<const int> rows, std::span<const int> labels, int epoch) = 0;
    /// Sums in inference mode. Any number of rows; how they are batched inside does not depend on the caller.
    virtual BatchSums evaluate(std::span<const int> rows, std::span<const int> labels) = 0;
    /// All that training changes, as bytes: parameters, the optimizer's moments and steps, batch-norm statistics.
    virtual std::string state() const = 0;
    /// Makes a model of the same trial go on bit for bit from there. Throws StageError where the bytes do not fit.
    virtual void restore(std::string_view state) = 0;
    /// What it has learned, under the names of the weights' own layers, and head.0.weight, head.0.bias, head.1...
    virtual TensorMap tensors() const = 0;
    /// The opposite of tensors(), for a model that is only asked from now on. Throws StageError where they do not fit.
    virtual void load(const TensorMap& tensors) = 0;
    /// [rows, classes], in inference mode: what evaluate() judges, whatever the rows beside.
    virtual std::vector<double> logits(std::span<const int> rows) = 0;
    /// Fingerprint of all that a trained model consists of.
    virtual std::string parameters_hash() const = 0;
};

/// evaluate() takes so many rows at a time, and so gives the same sums in windows of a multiple of it as in one.
constexpr int kEvaluationBatch = 32;

/// One of the models that train side by side. The callbacks come from any thread, one at a time for each member.
struct Member {
    Model* model = nullptr;
    const Trial* trial = nullptr;       // trains to trial->epochs
    std::vector<int> ends = {};         // epochs whose metrics say what each validation image was taken for
    std::vector<EpochMetrics> history;  // what was done before; then of all epochs
    std::function<void(const EpochMetrics&)> on_epoch;
    std::function<void(const std::string&)> on_failure;  // this member ends, the others go on
    bool failed = false;
    /// Where the trial's result is that of its best epoch: that one, for who writes snapshots and for the end.
    std::shared_ptr<BestEpoch> best = nullptr;
    int epochs_done() const { return history.empty() ? 0 : history.back().epoch; }
    bool has_ended() const { return thaw::has_ended(*trial, history); }
};

/// How members are trained side by side.
struct Together {
    /// All ranks of a group train equal members, one after the other on one thread each; a failure of one rank's is the
    /// member's on all, and all stop where one is asked to.
    Group* group = nullptr;
    int threads = 1;                     // members go through a window on so many
    std::function<void()> begin_thread;  // called first on each of several threads
    /// Makes rows available before they are used, `window_rows` or a little less at a time, as the epoch that trains on
    /// them sees them; epoch 0: as they are, for evaluation. Without it all are there.
    std::function<void(std::span<const int> rows, int epoch)> load;
    int window_rows = 0;
    const std::atomic<bool>* no_more_epochs = nullptr;  // once it is true, the epoch under way is the last
};

/// Trains every member from its history's end to its trial's epochs, or to where its rule of early stopping ends it;
/// each epoch at the rate that its schedule says. Where a trial's result is that of its best epoch, the model that has
/// ended is as it was after that. Each epoch sees the training images once, in an order that depends on (seed, epoch)
/// alone; the last batch may be smaller. Members, if several, have the same seed and batch size: a window's rows are
/// loaded once for all, then members go through it. What a member computes does not depend on who is beside it, nor on
/// windows. Returns early when `stop` is requested or no more epochs are wanted. A member fails when a loss is not
/// finite or its model throws.
void train_side_by_side(std::span<Member> members, const Samples& train, const Samples& validation,
                        const Together& together, const std::stop_token& stop = {});

/// The class that the model takes each image for.
std::vector<int> classes_of(Model& model, const Samples& samples, const Together& together);

/// One model alone, from its beginning; a failure is thrown as StageError.
void train_trajectory(Model& model, const Trial& trial, const Samples& train, const Samples& validation,
                      const std::function<void(const EpochMetrics&)>& on_epoch, const std::stop_token& stop = {},
                      Group* group = nullptr);

}  // namespace thaw
