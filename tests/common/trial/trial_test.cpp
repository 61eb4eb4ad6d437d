// Trials: their settings, their JSON, their ids.
#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "common/trial/trial.hpp"
#include "common/util/error.hpp"
#include "common/util/fingerprint.hpp"
#include "common/util/random.hpp"

namespace thaw {
namespace {

TEST(Trial, ReadsBackFromJsonAsItWas) {
    Trial trial;
    trial.backbone = "mobilenet_v2";
    trial.head.widths = {256, 128, 64};
    trial.dropout = {0.5, 0.3, 0.1};
    trial.optimizer = {.kind = OptimizerKind::sgd, .momentum = 0.9};
    trial.learning_rate = 3e-5;
    trial.seed = 0xffff'ffff'ffff'fff1;
    trial.precision = Precision::bfloat16;
    EXPECT_EQ(to_json(trial_from_json(to_json(trial))), to_json(trial));
    EXPECT_EQ(trial_from_json(to_json(trial)).seed, trial.seed);
    EXPECT_EQ(head_name(trial.head), "256-128-64");
    EXPECT_EQ(dropout_name(trial.dropout), "0.5-0.3-0.1");
    EXPECT_EQ(optimizer_name(trial.optimizer), "sgd(momentum=0.9)");
}

/// One change of each setting that came after the first databases.
std::vector<std::function<void(Trial&)>> later_settings() {
    return {
        [](Trial& trial) { trial.head.activations = {HeadActivation::tanh}; },
        [](Trial& trial) { trial.head.initializer = Initializer::he_normal; },
        [](Trial& trial) { trial.optimizer.style = OptimizerStyle::pytorch; },
        [](Trial& trial) { trial.optimizer.weight_decay = 0.1; },
        [](Trial& trial) { trial.optimizer.clipvalue = 1; },
        [](Trial& trial) { trial.optimizer.clipnorm = 1; },
        [](Trial& trial) { trial.optimizer.global_clipnorm = 1; },
        [](Trial& trial) { trial.base_layers = 50; },
        [](Trial& trial) { trial.loss = Loss::binary_crossentropy; },
        [](Trial& trial) { trial.label_smoothing = 0.1; },
        [](Trial& trial) { trial.class_weights.balanced = true; },
        [](Trial& trial) {
            trial.class_weights.by_class = {{"cat", 2}};
        },
        [](Trial& trial) { trial.schedule.kind = ScheduleKind::cosine; },
        [](Trial& trial) { trial.early_stop.patience = 0; },
        [](Trial& trial) {
            trial.augment = {.fresh = true, .zoom_range = {0.8, 1.2}};
        },
        [](Trial& trial) { trial.folds = 5; },
        [](Trial& trial) { trial.fold = 2; },
        [](Trial& trial) {
            trial.phases = {{"all", 0.001, 3, 10, 9}};
        },
    };
}

TEST(Trial, LaterSettingsReadBackAndEachDecidesTheId) {
    std::set<std::string> ids = {trial_id(Trial(), "data")};
    for (const auto& change : later_settings()) {
        Trial trial;
        change(trial);
        EXPECT_NE(to_json(trial), to_json(Trial()));
        EXPECT_EQ(to_json(trial_from_json(to_json(trial))), to_json(trial));
        EXPECT_TRUE(ids.insert(trial_id(trial, "data")).second) << to_json(trial);
    }
}

TEST(Trial, SettingsHaveShortNames) {
    EXPECT_EQ(head_name({.widths = {8, 4}, .activations = {HeadActivation::tanh, HeadActivation::relu}}),
              "8-4 tanh-relu");
    EXPECT_EQ(head_name({.initializer = Initializer::random_uniform}), "none random_uniform");
    EXPECT_EQ(optimizer_name(usual_optimizer(OptimizerKind::adamw, OptimizerStyle::keras)), "adamw");
    Optimizer decaying = usual_optimizer(OptimizerKind::adamw, OptimizerStyle::pytorch);
    EXPECT_EQ(optimizer_name(decaying), "adamw(pytorch)");
    decaying.weight_decay = 0.02;
    EXPECT_EQ(optimizer_name(decaying), "adamw(pytorch,weight_decay=0.02)");
    EXPECT_EQ(schedule_name({}), "constant");
    EXPECT_EQ(schedule_name({.kind = ScheduleKind::step, .every = 3}), "step(every=3)");
    EXPECT_EQ(early_stop_name({}), "none");
    EXPECT_EQ(early_stop_name({.patience = 3, .restore_best = true}), "validation_loss patience=3 restore_best");
    EXPECT_EQ(augment_name({}), "none");
    EXPECT_EQ(augment_name({.views = 4, .rotation_range = 10, .horizontal_flip = true}),
              "views=4 rotation_range=10 horizontal_flip");
    EXPECT_EQ(class_weights_name({}), "none");
    EXPECT_EQ(class_weights_name({.by_class = {{"cat", 2}, {"dog", 0.5}}}), "cat=2 dog=0.5");
    EXPECT_EQ(phases_name({}), "none");
    EXPECT_EQ(phases_name({{"all", 0.001, 3}, {"layer4", 0.0001, 2}}), "all 0.001 x3, layer4 0.0001 x2");
}

TEST(Trial, FromBeforeThereWasAPrecisionIsInFloat32) {
    nlohmann::json json = to_json(Trial());
    EXPECT_EQ(json.erase("precision"), 1u);
    EXPECT_EQ(trial_from_json(json).precision, Precision::float32);
}

TEST(Trial, IdIsOfWhatDecidesTheResultNotOfItsSpelling) {
    Trial a;
    a.backbone = "mobilenet_v2";
    a.freeze = "all";
    Trial b = a;
    b.freeze = "100%";
    b.weights = "/somewhere/else.pth";
    EXPECT_EQ(trial_id(a, "data"), trial_id(b, "data"));
    EXPECT_NE(trial_id(a, "data"), trial_id(a, "other data"));
    b.seed = 2;
    EXPECT_NE(trial_id(a, "data"), trial_id(b, "data"));
    b = a;
    b.precision = Precision::bfloat16;
    EXPECT_NE(trial_id(a, "data"), trial_id(b, "data"));
}

Trial random_trial(const CounterRandom& random) {
    std::uint64_t index = 0;
    const auto below = [&](std::uint64_t n) { return static_cast<int>(random.bits(index++) % n); };
    const auto number = [&] {  // of any size, with any number of digits
        return below(3) == 0 ? below(1000) / 100.0 : random.uniform(index++) * std::pow(10, below(20) - 12);
    };
    Trial trial;
    trial.backbone = std::vector<std::string>{"mobilenet_v2", "tab\tquote\"back\\slash", "größer", ""}[below(4)];
    trial.head.pooling = std::vector{Pooling::average, Pooling::max, Pooling::flatten}[below(3)];
    for (int i = below(4); i > 0; --i) trial.head.widths.push_back(below(5000));
    for (int i = below(4); i > 0; --i) trial.dropout.push_back(number());
    trial.optimizer = {std::vector{OptimizerKind::adam, OptimizerKind::sgd, OptimizerKind::rmsprop}[below(3)],
                       number(),
                       below(2) == 0,
                       number(),
                       number(),
                       number(),
                       number()};
    trial.learning_rate = number();
    trial.batch_size = below(100);
    trial.epochs = below(100);
    trial.seed = random.bits(index++) >> below(64);
    trial.image_size = below(1000);
    trial.frozen_layers = below(200) - 1;
    trial.cut = below(200);
    trial.precision = std::vector{Precision::float32, Precision::bfloat16}[below(2)];
    return trial;
}

TEST(TrialId, HashesTheTextThatTheJsonLibraryWrites) {
    for (std::uint64_t i = 0; i < 2000; ++i) {
        const Trial trial = random_trial(CounterRandom(i, "trial"));
        nlohmann::json decisive = to_json(trial);
        for (const char* key : {"id", "weights", "freeze"}) decisive.erase(key);
        if (trial.precision == Precision::float32) decisive.erase("precision");
        for (const char* later : {"until", "base_layers", "loss", "label_smoothing", "class_weights", "schedule",
                                  "early_stop", "augment", "folds", "fold", "phases", "batch_norm"})
            decisive.erase(later);
        for (const char* later : {"activations", "initializer"}) decisive["head"].erase(later);
        for (const char* later : {"style", "weight_decay", "clipvalue", "clipnorm", "global_clipnorm"})
            decisive["optimizer"].erase(later);
        ASSERT_EQ(trial_id(trial, "data"), Fingerprint().add("data").add(decisive.dump()).hex().substr(0, 16))
            << decisive;
    }
}

/// Likewise of all that trials may say, and of what trajectories are told apart by.
TEST(TrialId, OfLaterSettingsIsWhatItWas) {
    Fingerprint ids;
    for (const auto& change : later_settings()) {
        Trial trial;
        change(trial);
        ids.add(trial_id(trial, "data")).add(thaw::later_settings(trial));
    }
    for (std::uint64_t i = 0; i < 100; ++i) ids.add(trial_id(random_trial(CounterRandom(i, "trial")), "data"));
    EXPECT_EQ(ids.hex(), "07bf58587b108a1454858b7fc7e466c2");
}

/// As a database from before this test has it: whoever changes this loses what users have computed.
TEST(TrialId, IsWhatItWas) {
    Trial trial;
    trial.backbone = "mobilenet_v2";
    trial.head.widths = {256, 128};
    trial.dropout = {0.5, 0.3};
    trial.learning_rate = 3e-5;
    EXPECT_EQ(trial_id(trial, "data"), "ff483e5884037d31");
}

}  // namespace
}  // namespace thaw
