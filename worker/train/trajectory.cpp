#include "worker/train/trajectory.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "common/error.hpp"
#include "common/random.hpp"

namespace thaw {
namespace {

void require_finite(double loss, const char* part, int epoch, const Trial& trial) {
    if (std::isfinite(loss)) return;
    throw StageError("the {} loss became {} in epoch {}; a learning rate of {} is likely too large here", part, loss,
                     epoch, trial.learning_rate);
}

/// The samples in the order of this epoch.
Samples shuffled(const Samples& samples, std::uint64_t seed, int epoch) {
    const auto order = permutation(CounterRandom(seed, "shuffle", {static_cast<std::uint64_t>(epoch)}), samples.size());
    Samples result;
    for (const int at : order) {
        result.rows.push_back(samples.rows[static_cast<std::size_t>(at)]);
        result.labels.push_back(samples.labels[static_cast<std::size_t>(at)]);
    }
    return result;
}

}  // namespace

void train_trajectory(Model& model, const Trial& trial, const Samples& train, const Samples& validation,
                      const std::function<void(const EpochMetrics&)>& on_epoch, const std::stop_token& stop) {
    if (train.size() == 0) throw StageError("there are no training images left");
    for (int epoch = 1; epoch <= trial.epochs; ++epoch) {
        const auto start = std::chrono::steady_clock::now();
        const Samples order = shuffled(train, trial.seed, epoch);
        const std::span<const int> rows(order.rows), labels(order.labels);
        BatchSums total;
        for (std::size_t at = 0; at < rows.size(); at += static_cast<std::size_t>(trial.batch_size)) {
            if (stop.stop_requested()) return;
            const std::size_t count =
                std::min<std::size_t>(static_cast<std::size_t>(trial.batch_size), rows.size() - at);
            const BatchSums sums = model.train_batch(rows.subspan(at, count), labels.subspan(at, count), epoch);
            total.loss += sums.loss;
            total.correct += sums.correct;
        }
        EpochMetrics metrics{.epoch = epoch};
        metrics.train_loss = total.loss / train.size();
        metrics.train_accuracy = static_cast<double>(total.correct) / train.size();
        require_finite(metrics.train_loss, "training", epoch, trial);
        if (validation.size() > 0) {
            const BatchSums held_out = model.evaluate(validation.rows, validation.labels);
            metrics.validation_loss = held_out.loss / validation.size();
            metrics.validation_accuracy = static_cast<double>(held_out.correct) / validation.size();
            require_finite(metrics.validation_loss, "validation", epoch, trial);
        }
        metrics.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        if (stop.stop_requested()) return;
        on_epoch(metrics);
    }
}

}  // namespace thaw
