#include "worker/heads/trajectory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <limits>
#include <map>

#include "common/util/error.hpp"
#include "tests/worker/heads/small_head.hpp"
#include "worker/heads/head_model.hpp"

namespace thaw {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Learns nothing, remembers what it was shown.
class Recorder : public Model {
  public:
    void set_learning_rate(double) override {}
    BatchSums train_batch(std::span<const int> rows, std::span<const int> labels, int epoch) override {
        seen[epoch].insert(seen[epoch].end(), rows.begin(), rows.end());
        batch_sizes[epoch].push_back(static_cast<int>(rows.size()));
        for (std::size_t i = 0; i < rows.size(); ++i) pairs_hold = pairs_hold && labels[i] == rows[i] + 100;
        return {train_loss * static_cast<double>(rows.size()), 1};
    }
    BatchSums evaluate(std::span<const int> rows, std::span<const int>) override {
        BatchSums sums = {validation_loss * static_cast<double>(rows.size()), 3};
        if (log_odds) std::copy(rows.begin(), rows.end(), std::back_inserter(sums.log_odds));
        if (log_odds) sums.among_five = 1;
        return sums;
    }
    std::string state() const override { return {}; }
    void restore(std::string_view) override {}
    TensorMap tensors() const override { return {}; }
    void load(const TensorMap&) override {}
    std::vector<double> logits(std::span<const int>) override { return {}; }
    std::string parameters_hash() const override { return {}; }

    double train_loss = 0.5, validation_loss = 0.25;
    std::map<int, std::vector<int>> seen, batch_sizes;
    bool pairs_hold = true;
    bool log_odds = false;  // evaluate() takes rows for them, and one label for one of the five likeliest
};

Samples samples(int count, int from = 0) {
    Samples result;
    for (int i = from; i < from + count; ++i) {
        result.rows.push_back(i);
        result.labels.push_back(i + 100);
    }
    return result;
}

Trial short_trial(std::uint64_t seed = 1, int batch_size = 4) {
    Trial trial;
    trial.seed = seed;
    trial.batch_size = batch_size;
    trial.epochs = 3;
    trial.learning_rate = 0.5;
    return trial;
}

std::vector<EpochMetrics> run(Model& model, const Trial& trial, const Samples& train, const Samples& validation) {
    std::vector<EpochMetrics> metrics;
    train_trajectory(model, trial, train, validation, [&](const EpochMetrics& epoch) { metrics.push_back(epoch); });
    return metrics;
}

std::map<int, std::vector<int>> order_of(const Trial& trial, int count = 10) {
    Recorder model;
    run(model, trial, samples(count), {});
    return model.seen;
}

TEST(Trajectory, ShowsEveryImageOnceAnEpochWithItsLabel) {
    Recorder model;
    run(model, short_trial(), samples(10), samples(2, 50));
    ASSERT_EQ(model.seen.size(), 3U);
    for (const auto& [epoch, rows] : model.seen)
        EXPECT_THAT(rows, testing::UnorderedElementsAreArray(samples(10).rows));
    EXPECT_TRUE(model.pairs_hold);
}

TEST(Trajectory, TheLastBatchHoldsWhatIsLeft) {
    Recorder model;
    run(model, short_trial(), samples(10), {});
    EXPECT_THAT(model.batch_sizes[1], ElementsAre(4, 4, 2));
}

TEST(Trajectory, TheOrderDependsOnSeedAndEpochAlone) {
    const auto order = order_of(short_trial());
    EXPECT_NE(order.at(1), order.at(2));
    EXPECT_NE(order.at(1), order_of(short_trial(2)).at(1));
    Trial other = short_trial(1, 3);
    other.epochs = 5;
    other.learning_rate = 1;
    other.backbone = "resnet50";
    EXPECT_EQ(order.at(3), order_of(other).at(3));
}

TEST(Trajectory, TellsHowLabelsRankWhereTheModelSaysSo) {
    Recorder model;
    const Samples validation{{1, 2, 3, 4}, {0, 1, 0, 1}};
    EXPECT_EQ(run(model, short_trial(), samples(10), validation)[0].validation_auc, std::nullopt);
    EXPECT_EQ(run(model, short_trial(), samples(10), validation)[0].validation_top5_accuracy, std::nullopt);
    model.log_odds = true;
    const EpochMetrics metrics = run(model, short_trial(), samples(10), validation)[0];
    EXPECT_EQ(metrics.validation_auc, 0.75) << "of the pairs (1, 2), (1, 4), (3, 2), (3, 4) all but the third";
    EXPECT_EQ(metrics.validation_top5_accuracy, 0.25);
    const Samples one_class{{1, 2}, {1, 1}};
    EXPECT_EQ(run(model, short_trial(), samples(10), one_class)[0].validation_auc, std::nullopt);
}

TEST(Trajectory, EveryOrderOfThreeImagesComesUpEquallyOften) {
    constexpr int kEpochs = 6000;
    Trial trial = short_trial();
    trial.epochs = kEpochs;
    std::map<std::vector<int>, int> counts;
    for (const auto& [epoch, rows] : order_of(trial, 3)) ++counts[rows];
    EXPECT_EQ(counts.size(), 6U);
    for (const auto& [order, count] : counts) EXPECT_NEAR(count, kEpochs / 6, 4 * std::sqrt(kEpochs / 6.0));
}

TEST(Trajectory, MetricsAreMeansOverTheImagesOfTheEpoch) {
    Recorder model;
    const auto metrics = run(model, short_trial(), samples(10), samples(4));
    ASSERT_EQ(metrics.size(), 3U);
    EXPECT_EQ(metrics[2].epoch, 3);
    EXPECT_DOUBLE_EQ(metrics[0].train_loss, 0.5);
    EXPECT_DOUBLE_EQ(metrics[0].train_accuracy, 0.3) << "three batches of one hit each";
    EXPECT_DOUBLE_EQ(metrics[0].validation_loss, 0.25);
    EXPECT_DOUBLE_EQ(metrics[0].validation_accuracy, 0.75);
    EXPECT_GE(metrics[0].seconds, 0);
}

TEST(Trajectory, ALossThatIsNoNumberFailsTheTrialAndNamesEpochAndLearningRate) {
    for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        Recorder model;
        model.train_loss = bad;
        try {
            run(model, short_trial(), samples(10), {});
            FAIL() << "no StageError";
        } catch (const StageError& error) {
            EXPECT_THAT(error.what(), HasSubstr("epoch 1"));
            EXPECT_THAT(error.what(), HasSubstr("learning rate of 0.5"));
        }
        model = {};
        model.validation_loss = bad;
        EXPECT_THROW(run(model, short_trial(), samples(10), samples(1)), StageError);
    }
}

TEST(Trajectory, ARealHeadWithAnAbsurdLearningRateFailsTheSameWay) {
    Trial trial = small_head::trial();
    trial.learning_rate = 1e30;
    trial.optimizer.kind = OptimizerKind::sgd;
    trial.epochs = 10;
    const auto features = small_head::features();
    HeadModel<float> head(trial, {features.data(), small_head::kInputs, nullptr}, small_head::kClasses);
    const auto rows = small_head::rows_of(0, small_head::kRows);
    EXPECT_THROW(run(head, trial, {rows, small_head::labels_of(rows)}, {}), StageError);
}

TEST(Trajectory, WithoutTrainingImagesFails) {
    Recorder model;
    EXPECT_THROW(run(model, short_trial(), {}, samples(2)), StageError);
}

TEST(Trajectory, StopsAtTheNextBatchWhenAsked) {
    Recorder model;
    std::stop_source source;
    int epochs = 0;
    train_trajectory(
        model, short_trial(), samples(10), {},
        [&](const EpochMetrics&) {
            ++epochs;
            source.request_stop();
        },
        source.get_token());
    EXPECT_EQ(epochs, 1);
    EXPECT_EQ(model.seen.size(), 1U);
}

TEST(Trajectory, ALongerOneBeginsWithTheShorterOne) {
    Trial trial = small_head::trial({8}, 0.3);
    const auto features = small_head::features();
    const auto rows = small_head::rows_of(0, small_head::kRows);
    const Samples all{rows, small_head::labels_of(rows)};
    const auto metrics_of = [&](int epochs) {
        trial.epochs = epochs;
        HeadModel<float> head(trial, {features.data(), small_head::kInputs, nullptr}, small_head::kClasses);
        return run(head, trial, all, all);
    };
    const auto shorter = metrics_of(2), longer = metrics_of(5);
    for (std::size_t i = 0; i < shorter.size(); ++i) {
        EXPECT_EQ(shorter[i].train_loss, longer[i].train_loss);
        EXPECT_EQ(shorter[i].validation_loss, longer[i].validation_loss);
    }
}

/// Its validation losses are written down beforehand; its state is the epoch that it was trained to.
class Scripted : public Model {
  public:
    explicit Scripted(std::vector<double> losses) : losses_(std::move(losses)) {}
    void set_learning_rate(double rate) override { rates.push_back(rate); }
    BatchSums train_batch(std::span<const int>, std::span<const int>, int epoch) override {
        epoch_ = epoch;
        return {};
    }
    BatchSums evaluate(std::span<const int> rows, std::span<const int>) override {
        return {losses_.at(static_cast<std::size_t>(epoch_ - 1)) * static_cast<double>(rows.size()), 0,
                std::vector<int>(rows.size(), epoch_)};
    }
    std::string state() const override { return std::to_string(epoch_); }
    void restore(std::string_view state) override { epoch_ = std::stoi(std::string(state)); }
    TensorMap tensors() const override { return {}; }
    void load(const TensorMap&) override {}
    std::vector<double> logits(std::span<const int>) override { return {}; }
    std::string parameters_hash() const override { return state(); }

    std::vector<double> rates;

  private:
    std::vector<double> losses_;
    int epoch_ = 0;
};

const std::vector<double> kLosses = {5, 4, 3, 3.5, 3.2, 2, 2.5, 2.4, 2.3, 1};

Trial watched_trial() {
    Trial trial = short_trial();
    trial.epochs = 10;
    trial.learning_rate = 1;
    trial.schedule = {.kind = ScheduleKind::reduce_on_plateau, .factor = 0.5, .patience = 2};
    trial.early_stop = {.patience = 3, .restore_best = true};
    return trial;
}

TEST(Trajectory, TrainsAtTheRatesOfItsScheduleToWhereItStopsEarlyAndIsItsBestEpochThen) {
    Scripted model(kLosses);
    const auto metrics = run(model, watched_trial(), samples(4), samples(2));
    ASSERT_EQ(metrics.size(), 9U);
    EXPECT_THAT(model.rates, ElementsAre(1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25));
    for (std::size_t i = 0; i < metrics.size(); ++i) EXPECT_EQ(metrics[i].learning_rate, model.rates[i]);
    EXPECT_EQ(model.state(), "6");
    EXPECT_THAT(metrics[8].predicted, ElementsAre(6, 6)) << "the result is that of the best epoch";
    EXPECT_EQ(metrics[8].weights, "9");
    EXPECT_THAT(metrics[5].predicted, testing::IsEmpty());
}

TEST(Trajectory, WhereverItGoesOnFromItComesToTheSameEnd) {
    const Trial trial = watched_trial();
    const Samples train = samples(4), validation = samples(2);
    for (int left = 1; left <= 9; ++left) {
        SCOPED_TRACE(left);
        Trial begun = trial;
        begun.epochs = left;
        Scripted first(kLosses), second(kLosses);
        Member before{&first, &begun, {2, 7}, {}, {}, {}, false, std::make_shared<BestEpoch>()};
        std::vector<std::string> states;  // as a snapshot has them: the model is its best epoch's at the end
        before.on_epoch = [&](const EpochMetrics&) { states.push_back(first.state()); };
        train_side_by_side({&before, 1}, train, validation, {});
        second.restore(states.back());
        Member after{&second, &trial, {2, 7}, before.history, {}, {}, false, std::make_shared<BestEpoch>(*before.best)};
        train_side_by_side({&after, 1}, train, validation, {});
        ASSERT_EQ(after.history.size(), 9U);
        EXPECT_TRUE(after.has_ended());
        EXPECT_EQ(second.state(), "6");
        EXPECT_THAT(after.history[8].predicted, ElementsAre(6, 6));
        EXPECT_THAT(after.history[6].predicted, ElementsAre(6, 6)) << "of the trial that ends there";
        EXPECT_THAT(after.history[1].predicted, ElementsAre(2, 2));
        EXPECT_EQ(after.history[8].learning_rate, 0.25);
    }
}

TEST(Trajectory, OfSeveralOneThatHasStoppedTrainsNoMoreAndTheOthersGoOn) {
    Trial stopping = watched_trial(), going_on = watched_trial();
    going_on.early_stop = {};
    Scripted one(kLosses), other(kLosses);
    std::vector<Member> members(2);
    members[0].model = &one, members[0].trial = &stopping;
    members[1].model = &other, members[1].trial = &going_on;
    train_side_by_side(members, samples(4), samples(2), {});
    EXPECT_EQ(members[0].epochs_done(), 9);
    EXPECT_EQ(members[1].epochs_done(), 10);
    EXPECT_EQ(one.rates.size(), 9U);
}

}  // namespace
}  // namespace thaw
