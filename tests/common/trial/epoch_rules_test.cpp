// Schedules and early stopping against PyTorch's schedulers and Keras' callbacks (golden/training_control.json).
#include "common/trial/epoch_rules.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace thaw {
namespace {

nlohmann::json golden(const char* part) {
    std::ifstream file(std::string(THAW_SOURCE_DIR) + "/tests/common/trial/golden/training_control.json");
    return nlohmann::json::parse(file).at(part);
}

/// A history in which what is monitored has these values, and all else says the opposite.
std::vector<EpochMetrics> history_of(const nlohmann::json& values, Monitor monitor) {
    std::vector<EpochMetrics> history;
    for (const double value : values) {
        EpochMetrics metrics{.epoch = static_cast<int>(history.size()) + 1};
        for (double* other :
             {&metrics.train_loss, &metrics.validation_loss, &metrics.train_accuracy, &metrics.validation_accuracy})
            *other = -value;
        switch (monitor) {
            case Monitor::validation_loss:
                metrics.validation_loss = value;
                break;
            case Monitor::validation_accuracy:
                metrics.validation_accuracy = value;
                break;
            case Monitor::train_loss:
                metrics.train_loss = value;
                break;
            case Monitor::train_accuracy:
                metrics.train_accuracy = value;
                break;
        }
        history.push_back(metrics);
    }
    return history;
}

TEST(LearningRate, IsThatOfPytorchsSchedulersAndOfKerasReduceLROnPlateau) {
    int cases = 0, plateaus = 0;
    for (const auto& json : golden("schedules")) {
        SCOPED_TRACE(json.at("schedule").dump());
        Trial trial = trial_from_json({{"schedule", json.at("schedule")}});
        trial.learning_rate = 0.05;
        const auto history = json.contains("history") ? history_of(json.at("history"), trial.schedule.monitor)
                                                      : std::vector<EpochMetrics>(json.at("rates").size());
        for (std::size_t before = 0; before < json.at("rates").size(); ++before) {
            const double expected = json.at("rates")[before];
            const std::vector<EpochMetrics> shown(history.begin(),
                                                  history.begin() + static_cast<std::ptrdiff_t>(before));
            EXPECT_NEAR(learning_rate(trial, static_cast<int>(before) + 1, shown), expected, 1e-14 * expected)
                << "epoch " << before + 1;
        }
        ++cases;
        plateaus += trial.schedule.kind == ScheduleKind::reduce_on_plateau;
    }
    EXPECT_EQ(cases, 44);
    EXPECT_EQ(plateaus, 32);
}

TEST(LearningRate, StaysAtItsFloorBehindTheCosineAndIsTheTrialsOwnWithoutASchedule) {
    Trial trial;
    trial.learning_rate = 0.3;
    EXPECT_EQ(learning_rate(trial, 7, {}), 0.3);
    trial.schedule = {.kind = ScheduleKind::cosine, .over = 4, .floor = 0.01};
    for (const int epoch : {5, 6, 100}) EXPECT_DOUBLE_EQ(learning_rate(trial, epoch, {}), 0.01);
}

TEST(LearningRate, OfAPlateauBeginsToWaitBehindTheWarmUp) {
    Trial trial;
    trial.learning_rate = 1;
    trial.schedule = {.kind = ScheduleKind::reduce_on_plateau, .factor = 0.5, .warm_up = 2, .patience = 1};
    const auto history = history_of({1.0, 1.0, 1.0, 1.0}, Monitor::validation_loss);
    EXPECT_DOUBLE_EQ(learning_rate(trial, 2, {history.begin(), history.begin() + 1}), 2.0 / 3);
    EXPECT_EQ(learning_rate(trial, 4, {history.begin(), history.begin() + 3}), 1) << "the third is the first it sees";
    EXPECT_EQ(learning_rate(trial, 5, history), 0.5);
}

TEST(EarlyStopping, EndsWhereKerasEndsAndItsResultIsOfTheEpochThatKerasRestores) {
    int cases = 0;
    for (const auto& json : golden("stops")) {
        SCOPED_TRACE(json.at("rule").dump() + json.at("history").dump());
        const EarlyStop rule = trial_from_json({{"early_stop", json.at("rule")}}).early_stop;
        auto history = history_of(json.at("history"), rule.monitor);
        history.resize(json.at("epochs").get<std::size_t>());
        EXPECT_EQ(stops_early(rule, history), json.at("stopped").get<bool>());
        EXPECT_EQ(result_epoch(rule, history), json.at("result").get<int>());
        while (history.size() > 1) {
            history.pop_back();
            EXPECT_FALSE(stops_early(rule, history)) << "after epoch " << history.back().epoch;
        }
        ++cases;
    }
    EXPECT_EQ(cases, 64);
}

TEST(EarlyStopping, EndsNothingWhereThereIsNoRule) {
    Trial trial;
    trial.epochs = 4;
    auto history = history_of({1.0, 2.0, 3.0}, Monitor::validation_loss);
    EXPECT_FALSE(stops_early({}, history));
    EXPECT_EQ(result_epoch({}, history), 3);
    EXPECT_FALSE(has_ended(trial, {}));
    EXPECT_FALSE(has_ended(trial, history));
    trial.early_stop.patience = 2;
    EXPECT_TRUE(has_ended(trial, history));
    trial.early_stop.patience = 3;
    EXPECT_FALSE(has_ended(trial, history));
    trial.epochs = 3;
    EXPECT_TRUE(has_ended(trial, history));
}

}  // namespace
}  // namespace thaw
