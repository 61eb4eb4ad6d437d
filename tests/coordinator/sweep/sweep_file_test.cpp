// How a sweep file is read: names, paths, data options, the spellings of values, and the files in sweeps/.
#include "coordinator/sweep/sweep_file.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <optional>

#include "common/util/atomic_file.hpp"
#include "coordinator/sweep/sweep_path.hpp"
#include "tests/coordinator/sweep/sweep_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using testing::ElementsAre;
using testing::Pair;

const std::string kBackbone = "backbone: mobilenet_v2\n";

Sweep parse(const std::string& text, const std::filesystem::path& file = "/sweeps/test.yaml") {
    return parse_sweep({file, text}, kVocabulary);
}

/// A variable of the environment for the length of a test.
class Variable {
  public:
    Variable(const char* name, const char* value) : name_(name) {
        if (const char* before = std::getenv(name)) before_ = before;
        ::setenv(name, value, 1);
    }
    ~Variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }

  private:
    const char* name_;
    std::optional<std::string> before_;
};

template <typename Value>
std::vector<Value> values_of(const Sweep& sweep, AxisId id) {
    std::vector<Value> values;
    for (const Axis& axis : sweep.axes)
        if (axis.id == id)
            for (const AxisValue& value : axis.values) values.push_back(std::get<Value>(value.setting));
    return values;
}

TEST(SweepFile, IsNamedAfterTheFileUnlessItSaysOtherwise) {
    const std::string rest = "data: {folder: photos}\n" + kBackbone;
    EXPECT_EQ(parse(rest, "/sweeps/pokemon-1.yaml").name, "pokemon-1");
    EXPECT_EQ(parse(rest, "/sweeps/my sweep.v2.yaml").name, "my_sweep_v2");
    EXPECT_EQ(parse("name: other\n" + rest).name, "other");
}

TEST(SweepFile, SaysWhatTheCacheMayHold) {
    const std::string rest = "data: {folder: photos}\n" + kBackbone;
    EXPECT_EQ(parse(rest).disk, 0) << "it need not say";
    EXPECT_EQ(parse("disk: 20 GB\n" + rest).disk, 20'000'000'000);
    EXPECT_THAT([&] { parse(rest + "disk: lots\n"); },
                testing::ThrowsMessage<UserError>(testing::HasSubstr("/sweeps/test.yaml:3:7: 'lots' is not a size")));
}

TEST(SweepFile, KeepsItsTextAsWritten) {
    const std::string text = "# why\ndata: {folder: photos}\n" + kBackbone;
    TemporaryFolder folder;
    write_file(folder / "sweep.yaml", text);
    EXPECT_EQ(read_sweep(folder / "sweep.yaml", kVocabulary).source.text, text);
}

TEST(SweepFile, TakesFoldersRelativeToItself) {
    EXPECT_EQ(parse("data: {folder: ../photos}\n" + kBackbone).data.folder, "/photos");
    EXPECT_EQ(parse("data: {folder: /photos}\n" + kBackbone).data.folder, "/photos");
    EXPECT_EQ(parse("data: {folder: photos}\n" + kBackbone, "test.yaml").data.folder,
              std::filesystem::current_path() / "photos");
}

TEST(SweepFile, ReplacesVariablesOfTheEnvironmentInPaths) {
    const Variable set("THAW_TEST_SET", "/data"), empty("THAW_TEST_EMPTY", "");
    EXPECT_EQ(substitute_environment("${THAW_TEST_SET}/a/${THAW_TEST_SET:-b}"), "/data/a//data");
    EXPECT_EQ(substitute_environment("${THAW_TEST_ABSENT:-../data}/a${THAW_TEST_EMPTY:-b}${THAW_TEST_EMPTY}"),
              "../data/ab");
    EXPECT_EQ(substitute_environment("$5 $(rm) $HOME"), "$5 $(rm) $HOME");
    EXPECT_EQ(substitute_environment("$${HOME} $$${THAW_TEST_SET} $$"), "${HOME} $${THAW_TEST_SET} $$");
    EXPECT_THROW(substitute_environment("${THAW_TEST_ABSENT}"), UserError);
    EXPECT_THROW(substitute_environment("${rm -rf}"), UserError);
    const Variable home("HOME", "/home/ash");
    EXPECT_EQ(parse("data: {folder: ~/photos}\n" + kBackbone).data.folder, "/home/ash/photos");
}

TEST(SweepFile, ReadsTheDataOptions) {
    const SweepData usual = parse("data: {folder: photos}\n" + kBackbone).data;
    EXPECT_EQ(usual.split.method, SplitMethod::stratified);
    EXPECT_EQ(usual.split.validation, 0.2);
    EXPECT_EQ(usual.on_bad_image, OnBadImage::stop);
    const SweepData data = parse(R"(
data:
  folder: photos
  split: {method: keras-generator, validation: 0.25, seed: 3}
  resize: crop
  interpolation: area
  on_bad_image: skip
)" + kBackbone)
                               .data;
    EXPECT_EQ(data.split.method, SplitMethod::keras_generator);
    EXPECT_EQ(data.split.validation, 0.25);
    EXPECT_EQ(data.split.seed, 3u);
    EXPECT_EQ(data.split.folds, 0);
    EXPECT_FALSE(data.decode.grey);
    const SweepData folds =
        parse("data: {folder: photos, resize: pad, grey: true, split: {folds: 5}}\n" + kBackbone).data;
    EXPECT_EQ(folds.split.folds, 5);
    EXPECT_EQ(folds.decode.resize, ResizeMethod::pad);
    EXPECT_TRUE(folds.decode.grey);
    EXPECT_EQ(data.decode.resize, ResizeMethod::crop);
    EXPECT_EQ(data.decode.interpolation, Interpolation::area);
    EXPECT_EQ(data.on_bad_image, OnBadImage::skip);
    EXPECT_EQ(data.folder_place.line, 3);
    EXPECT_EQ(parse("data: {folder: photos, split: fit}\n" + kBackbone).data.split.method, SplitMethod::fit);
}

TEST(SweepFile, ReadsActivationsAndStartsOfHeads) {
    using enum HeadActivation;
    const std::vector<Head> heads = values_of<Head>(sweep_of(kBackbone + R"(
head:
  - {dense: 8-4, activation: tanh, initializer: he_normal}
  - {activation: [relu, gelu], dense: [8, 4]}
  - {dense: [8], activation: relu}
  - {initializer: random_uniform}
)"),
                                                    axis_id("head"));
    EXPECT_THAT(heads,
                ElementsAre(Head{{}, {8, 4}, {tanh, tanh}, Initializer::he_normal}, Head{{}, {8, 4}, {relu, gelu}},
                            Head{{}, {8}}, Head{{}, {}, {}, Initializer::random_uniform}));
    EXPECT_EQ(setting_text(heads[0]), "8-4 tanh he_normal");
    EXPECT_EQ(setting_text(heads[1]), "8-4 relu-gelu");
}

TEST(SweepFile, ReadsLossesAndClassWeights) {
    const Sweep sweep = sweep_of(kBackbone + R"(
loss: [categorical_crossentropy, binary_crossentropy]
label_smoothing: [0, 0.1]
class_weights: [none, balanced, {cat: 2, dog: 0.5}]
)");
    EXPECT_THAT(values_of<std::string>(sweep, axis_id("loss")),
                ElementsAre("categorical_crossentropy", "binary_crossentropy"));
    EXPECT_THAT(values_of<double>(sweep, axis_id("label_smoothing")), ElementsAre(0, 0.1));
    EXPECT_THAT(values_of<ClassWeights>(sweep, axis_id("class_weights")),
                ElementsAre(ClassWeights{}, ClassWeights{.balanced = true},
                            ClassWeights{.by_class = {{"cat", 2}, {"dog", 0.5}}}));
}

TEST(SweepFile, TellsNamesOfWeightsFromPaths) {
    const Sweep sweep = sweep_of(kBackbone + R"(
weights: [imagenet, random, mobilenet_v2-imagenet-tf, mine.pth, ./mine, {file: /w/a.pth, preprocessing: tf, padding: tensorflow}]
)");
    std::vector<std::string> names;
    for (const WeightsSetting& weights : values_of<WeightsSetting>(sweep, axis_id("weights")))
        names.push_back(weights.name);
    EXPECT_THAT(names, ElementsAre("imagenet", "random", "mobilenet_v2-imagenet-tf", "/sweeps/mine.pth", "/sweeps/mine",
                                   "/w/a.pth"));
    EXPECT_THAT(sweep.weights_overrides, ElementsAre(Pair("/w/a.pth", WeightsOverride{"tf", "tensorflow"})));
}

TEST(SweepFile, ReadsAHeadInAllItsSpellings) {
    const std::vector<Head> heads = values_of<Head>(
        sweep_of(kBackbone +
                 "head: [none, 256, '256', 256-128, [256, 128], {pooling: flatten, dense: [64]}, {pooling: max}]"),
        axis_id("head"));
    EXPECT_THAT(heads, ElementsAre(Head{}, Head{{}, {256}}, Head{{}, {256}}, Head{{}, {256, 128}}, Head{{}, {256, 128}},
                                   Head{Pooling::flatten, {64}}, Head{Pooling::max, {}}));
    EXPECT_THAT(values_of<Head>(sweep_of(kBackbone + "head: 256-128"), axis_id("head")),
                ElementsAre(Head{{}, {256, 128}}));
    EXPECT_THAT(values_of<Head>(sweep_of(kBackbone + "head: [[256, 128]]"), axis_id("head")),
                ElementsAre(Head{{}, {256, 128}}));
    EXPECT_THAT(values_of<Head>(sweep_of(kBackbone + "head: {dense: 256-128}"), axis_id("head")),
                ElementsAre(Head{{}, {256, 128}}));
}

TEST(SweepFile, ReadsOptimizersWithTheirSettings) {
    EXPECT_THAT(values_of<Optimizer>(
                    sweep_of(kBackbone + "optimizer: [adam, {sgd: {momentum: 0.9, nesterov: true}}, {adam: {}}]"),
                    axis_id("optimizer")),
                ElementsAre(Optimizer{}, Optimizer{.kind = OptimizerKind::sgd, .momentum = 0.9, .nesterov = true},
                            Optimizer{}));
}

TEST(SweepFile, GivesOptimizersTheDefaultsOfTheirStyle) {
    const auto optimizers = values_of<Optimizer>(
        sweep_of(kBackbone + "optimizer: [adamw, {adamw: {style: pytorch}}, {rmsprop: {rho: 0.8, style: pytorch}},"
                             " {sgd: {momentum: 0.9, weight_decay: 1e-4, clipnorm: 1, style: pytorch}}]"),
        axis_id("optimizer"));
    ASSERT_EQ(optimizers.size(), 4u);
    EXPECT_EQ(optimizers[0], (Optimizer{.kind = OptimizerKind::adamw, .weight_decay = 0.004}));
    EXPECT_EQ(optimizers[1], (Optimizer{.kind = OptimizerKind::adamw,
                                        .rho = 0.99,
                                        .epsilon = 1e-8,
                                        .style = OptimizerStyle::pytorch,
                                        .weight_decay = 0.01}));
    EXPECT_EQ(optimizers[2].rho, 0.8);
    EXPECT_EQ(optimizers[2].epsilon, 1e-8);
    EXPECT_EQ(optimizers[3].clipnorm, 1);
    EXPECT_EQ(optimizers[3].weight_decay, 1e-4);
}

TEST(SweepFile, ReadsSchedulesAndEarlyStopping) {
    const auto schedules = values_of<Schedule>(
        sweep_of(kBackbone + "schedule: [constant, step, {exponential: {factor: 0.9}}, {constant: {warm_up: 3}},"
                             " {cosine: {floor: 1e-6, warm_up: 2}},"
                             " {reduce_on_plateau: {monitor: train_loss, factor: 0.5, patience: 2}}]"),
        axis_id("schedule"));
    EXPECT_THAT(schedules,
                ElementsAre(Schedule{}, Schedule{.kind = ScheduleKind::step},
                            Schedule{.kind = ScheduleKind::exponential, .factor = 0.9}, Schedule{.warm_up = 3},
                            Schedule{.kind = ScheduleKind::cosine, .floor = 1e-6, .warm_up = 2},
                            Schedule{.kind = ScheduleKind::reduce_on_plateau,
                                     .factor = 0.5,
                                     .monitor = Monitor::train_loss,
                                     .patience = 2}));
    EXPECT_THAT(values_of<EarlyStop>(sweep_of(kBackbone + "early_stopping: [none, {patience: 0, restore_best: true}]"),
                                     axis_id("early_stopping")),
                ElementsAre(EarlyStop{}, EarlyStop{.patience = 0, .restore_best = true}));
}

TEST(SweepFile, ReadsNumbersAsPeopleWriteThem) {
    EXPECT_THAT(values_of<double>(sweep_of(kBackbone + "learning_rate: [1e-4, 3e-05, 1E-3, .5, 1., +2, 10]"),
                                  axis_id("learning_rate")),
                ElementsAre(1e-4, 3e-5, 1e-3, 0.5, 1.0, 2.0, 10.0));
    EXPECT_THAT(values_of<std::int64_t>(sweep_of(kBackbone + "seed: [0, +5, 9223372036854775807]"), axis_id("seed")),
                ElementsAre(0, 5, INT64_MAX));
}

TEST(SweepFile, ReadsFreezeWithOrWithoutQuotes) {
    EXPECT_THAT(values_of<std::string>(sweep_of(kBackbone + "freeze: [all, 50, '50', 80%, \"80%\", features.14]"),
                                       axis_id("freeze")),
                ElementsAre("all", "50", "50", "80%", "80%", "features.14"));
}

TEST(SweepFile, AllowsAnchorsAndAliases) {
    const Sweep sweep = sweep_of(kBackbone + "seed: &few [1, 2]\nepochs: *few\n");
    EXPECT_THAT(values_of<std::int64_t>(sweep, axis_id("epochs")), ElementsAre(1, 2));
}

TEST(SweepFile, KnowsAnyNameWhereTheVocabularyIsEmpty) {
    EXPECT_NO_THROW(parse_sweep({"test.yaml", "data: {folder: photos}\nbackbone: anything\nweights: what-ever\n"}, {}));
}

TEST(Sweeps, InTheirFolderAreReadAndExpanded) {
    const auto trials = [](const char* name) {
        const auto file = std::filesystem::path(THAW_SOURCE_DIR) / "sweeps" / name;
        return expand(read_sweep(file, {}), kFakeDepths).trials.size();
    };
    EXPECT_EQ(trials("example.yaml"), 4u);
    // freeze all: 7 heads with dropout x 4 rates x 2 epochs; features.14: 2 rates x 2 epochs; features.7: 1 x 2; 50: 2
    // x 2
    EXPECT_EQ(trials("problem_one.yaml"), 7u * 4 * 2 + 2 * 2 + 1 * 2 + 2 * 2);
    EXPECT_EQ(trials("problem_two.yaml"), 3u);
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(THAW_SOURCE_DIR) / "sweeps"))
        EXPECT_NO_THROW(read_sweep(entry.path(), {})) << entry.path();
}

/// example.yaml says "every key there is": with the comment marks removed its second half must be a sweep too.
TEST(Sweeps, TheKeysInTheExamplesCommentsAreValid) {
    const std::string text = read_file(std::filesystem::path(THAW_SOURCE_DIR) / "sweeps/example.yaml");
    const std::size_t begin = text.find("# name: example");
    ASSERT_NE(begin, std::string::npos);
    std::string keys;
    for (std::size_t at = begin; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        const std::string line = text.substr(at, end - at);
        if (!line.empty()) keys += line.substr(std::min<std::size_t>(line.size(), 2)) + "\n";
        at = end + 1;
    }
    Sweep sweep;
    ASSERT_NO_THROW(sweep = parse_sweep({"/sweeps/example.yaml", keys}, {})) << keys;
    EXPECT_EQ(sweep.axes.size(), kAxisCount);
    EXPECT_EQ(sweep.name, "example");
    EXPECT_EQ(sweep.search.random->trials, 40u);
    EXPECT_FALSE(expand(sweep, kFakeDepths).trials.empty());
}

}  // namespace
}  // namespace thaw
