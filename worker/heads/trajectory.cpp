#include "worker/heads/trajectory.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <new>

#include "common/trial/epoch_rules.hpp"
#include "common/util/error.hpp"
#include "common/util/parallel.hpp"
#include "common/util/random.hpp"

namespace thaw {
namespace {

using Clock = std::chrono::steady_clock;

void require_finite(double loss, const char* part, int epoch, const Trial& trial) {
    if (std::isfinite(loss)) return;
    throw StageError("the {} loss became {} in epoch {}; a learning rate of {} is likely too large here", part,
                     std::isnan(loss) ? std::abs(loss) : loss, epoch, trial.learning_rate);
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

/// A stretch of samples that are loaded at once.
struct Window {
    std::span<const int> rows, labels;
};

/// What one member has summed up in the epoch under way.
struct Running {
    Member* member;
    BatchSums trained = {}, held_out = {};
    double rate = 0;
    double seconds = 0;

    void begin_epoch(int epoch) {
        rate = learning_rate(*member->trial, epoch, member->history);
        member->model->set_learning_rate(rate);
    }

    void train(const Window& window, int epoch, const std::stop_token& stop) {
        const auto batch = static_cast<std::size_t>(member->trial->batch_size);
        for (std::size_t at = 0; at < window.rows.size() && !stop.stop_requested(); at += batch) {
            const std::size_t count = std::min(batch, window.rows.size() - at);
            trained +=
                member->model->train_batch(window.rows.subspan(at, count), window.labels.subspan(at, count), epoch);
        }
    }

    void evaluate(const Window& window) { held_out += member->model->evaluate(window.rows, window.labels); }

    void end_epoch(int epoch, int train_images, const Samples& validation) {
        const int validation_images = validation.size();
        EpochMetrics metrics{.epoch = epoch};
        metrics.train_loss = trained.loss / train_images;
        metrics.train_accuracy = static_cast<double>(trained.correct) / train_images;
        require_finite(metrics.train_loss, "training", epoch, *member->trial);
        if (validation_images > 0) {
            metrics.validation_loss = held_out.loss / validation_images;
            metrics.validation_accuracy = static_cast<double>(held_out.correct) / validation_images;
            require_finite(metrics.validation_loss, "validation", epoch, *member->trial);
            if (!held_out.log_odds.empty()) metrics.validation_auc = roc_auc(held_out.log_odds, validation.labels);
            if (held_out.among_five)
                metrics.validation_top5_accuracy = static_cast<double>(*held_out.among_five) / validation_images;
        }
        metrics.learning_rate = rate;
        metrics.seconds = seconds;
        metrics.weights = member->model->parameters_hash();
        member->history.push_back(metrics);
        if (member->best && result_epoch(member->trial->early_stop, member->history) == epoch)
            *member->best = {member->model->state(), held_out.predicted};
        const std::vector<int>& ends = member->ends;
        if (std::find(ends.begin(), ends.end(), epoch) != ends.end() ||
            stops_early(member->trial->early_stop, member->history))
            metrics.predicted = member->best ? member->best->predicted : std::move(held_out.predicted);
        member->history.back().predicted = metrics.predicted;
        if (member->on_epoch) member->on_epoch(metrics);
    }
};

class SideBySide {
  public:
    SideBySide(std::span<Member> members, const Samples& train, const Samples& validation, const Together& together,
               const std::stop_token& stop)
        : members_(members), train_(train), validation_(validation), together_(together), asked_(stop) {
        if (!together.group) stop_ = stop;  // ranks of a group must stop at the same place: between epochs
    }

    void run() {
        int epoch = members_[0].epochs_done();
        for (const Member& member : members_) epoch = std::min(epoch, member.epochs_done());
        while (some_train_on(++epoch) && !stopped()) run_epoch(epoch);
        for (Member& member : members_)
            if (!member.failed && member.best && member.has_ended()) member.model->restore(member.best->state);
    }

  private:
    static bool trains_in(const Member& member, int epoch) {
        return !member.failed && member.epochs_done() < epoch && !member.has_ended();
    }
    /// In this epoch or, since they went on from further ahead, a later one.
    bool some_train_on(int epoch) const {
        return std::any_of(members_.begin(), members_.end(), [&](const Member& member) {
            return trains_in(member, std::max(epoch, member.epochs_done() + 1));
        });
    }

    bool stopped() {
        const bool asked = asked_.stop_requested() || (together_.no_more_epochs && *together_.no_more_epochs);
        return together_.group ? together_.group->any(asked) : asked;
    }

    void run_epoch(int epoch) {
        running_.clear();
        for (Member& member : members_)
            if (trains_in(member, epoch)) running_.push_back({&member});
        if (running_.empty()) return;
        for (Running& running : running_) running.begin_epoch(epoch);
        const Member& first = *running_[0].member;
        const int drawn = epochs_before(*first.trial) + epoch;
        const Samples order = shuffled(train_, first.trial->seed, drawn);
        through_windows(order, drawn, first.trial->batch_size,
                        [&](Running& running, const Window& window) { running.train(window, drawn, stop_); });
        through_windows(validation_, 0, kEvaluationBatch,
                        [](Running& running, const Window& window) { running.evaluate(window); });
        if (stop_.stop_requested()) return;
        for_each_running([&](Running& running) { running.end_epoch(epoch, train_.size(), validation_); });
    }

    /// Lets every member that still runs do `work` on each window of the samples in turn.
    template <typename Work>
    void through_windows(const Samples& samples, int epoch, int granularity, const Work& work) {
        const auto all = static_cast<std::size_t>(samples.size());
        std::size_t size = all;
        if (together_.load)
            size = static_cast<std::size_t>(std::max(together_.window_rows / granularity, 1) * granularity);
        for (std::size_t at = 0; at < all && !stop_.stop_requested(); at += size) {
            const std::size_t count = std::min(size, all - at);
            const Window window{std::span(samples.rows).subspan(at, count),
                                std::span(samples.labels).subspan(at, count)};
            if (together_.load) together_.load(window.rows, epoch);
            for_each_running([&](Running& running) { work(running, window); });
        }
    }

    template <typename Work>
    void for_each_running(const Work& work) {
        for_each_index(running_.size(), together_.group ? 1 : together_.threads, [&](std::size_t i) {
            Running& running = running_[i];
            if (running.member->failed) return;
            if (together_.threads > 1 && together_.begin_thread) together_.begin_thread();
            const auto start = Clock::now();
            try {
                work(running);
                if (together_.group) together_.group->barrier();  // a failure of another rank is this member's too
            } catch (const StorageError& error) {
                if (together_.group) together_.group->fail(error.what());
                throw;  // nobody can go on
            } catch (const std::bad_alloc&) {
                fail(*running.member, "out of memory");
            } catch (const std::exception& error) {
                fail(*running.member, error.what());
            }
            running.seconds += std::chrono::duration<double>(Clock::now() - start).count();
        });
    }

    void fail(Member& member, const std::string& message) {
        member.failed = true;
        if (together_.group) {
            together_.group->fail(message);
            together_.group->recover();
        }
        if (member.on_failure) member.on_failure(message);
    }

    std::span<Member> members_;
    const Samples& train_;
    const Samples& validation_;
    const Together& together_;
    const std::stop_token& asked_;
    std::stop_token stop_;
    std::vector<Running> running_;
};

}  // namespace

void train_side_by_side(std::span<Member> members, const Samples& train, const Samples& validation,
                        const Together& together, const std::stop_token& stop) {
    if (train.size() == 0) throw StageError("there are no training images left");
    SideBySide(members, train, validation, together, stop).run();
}

std::vector<int> classes_of(Model& model, const Samples& samples, const Together& together) {
    std::vector<int> classes;
    // Of a test folder without classes labels are -1: any will do.
    const std::vector<int> labels(samples.rows.size(), 0);
    const auto all = samples.rows.size();
    const auto window = together.load ? static_cast<std::size_t>(std::max(together.window_rows, 1)) : all;
    for (std::size_t at = 0; at < all; at += window) {
        const auto rows = std::span(samples.rows).subspan(at, std::min(window, all - at));
        if (together.load) together.load(rows, 0);
        const BatchSums sums = model.evaluate(rows, std::span(labels).subspan(at, rows.size()));
        classes.insert(classes.end(), sums.predicted.begin(), sums.predicted.end());
    }
    return classes;
}

void train_trajectory(Model& model, const Trial& trial, const Samples& train, const Samples& validation,
                      const std::function<void(const EpochMetrics&)>& on_epoch, const std::stop_token& stop,
                      Group* group) {
    std::string failure;
    Member member{&model, &trial, {}, {}, on_epoch, [&](const std::string& message) { failure = message; }, false};
    if (trial.early_stop.restore_best) member.best = std::make_shared<BestEpoch>();
    Together together;
    together.group = group;
    train_side_by_side({&member, 1}, train, validation, together, stop);
    if (member.failed) throw StageError("{}", failure);
}

}  // namespace thaw
