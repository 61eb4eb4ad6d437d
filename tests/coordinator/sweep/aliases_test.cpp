// What people write out of habit from other tools is read as what sweep files say, or refused with what to write.
#include "coordinator/sweep/aliases.hpp"

#include <gmock/gmock.h>

#include "tests/coordinator/sweep/sweep_fixture.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

const Vocabulary kNames = {{"alexnet", "mobilenet_v1", "mobilenet_v2", "resnet50"},
                           {"resnet50-imagenet-torchvision1", "resnet50-imagenet-torchvision2"},
                           {"torch", "tf"}};

Sweep read_written(const std::string& text) {
    return parse_sweep({"sweep.yaml", text}, kNames);
}

std::string refusal(const std::string& text) {
    try {
        read_written(text);
    } catch (const UserError& error) {
        return error.what();
    }
    return "";
}

/// All that a sweep says, but for places.
std::string said(const Sweep& sweep) {
    std::string text = fmt::format("{} {} {} {}", sweep.data.folder.string(), static_cast<int>(sweep.data.split.method),
                                   sweep.data.split.validation, sweep.search.random ? sweep.search.random->trials : 0);
    std::vector<std::string> axes;
    for (const Axis& axis : sweep.axes) {
        std::string one = fmt::format("\n{}", axis_kind(axis.id).name);
        for (const AxisValue& value : axis.values) one += " " + setting_text(value.setting);
        if (axis.is_range())
            one += fmt::format(" {} {} {}", static_cast<int>(axis.distribution->kind),
                               setting_text(axis.distribution->low), setting_text(axis.distribution->high));
        axes.push_back(one);
    }
    std::sort(axes.begin(), axes.end());
    for (const std::string& axis : axes) text += axis;
    return text;
}

struct Spelling {
    const char* written;
    const char* own;
};

class Alias : public testing::TestWithParam<Spelling> {};

TEST_P(Alias, IsReadAsWhatSweepFilesSay) {
    const std::string start = "data: {folder: photos}\nbackbone: resnet50\n";
    EXPECT_EQ(said(read_written(start + GetParam().written)), said(read_written(start + GetParam().own)))
        << GetParam().written;
}

INSTANTIATE_TEST_SUITE_P(
    Spellings, Alias,
    testing::Values(
        Spelling{"lr: 1e-4", "learning_rate: 1e-4"}, Spelling{"batch: 32", "batch_size: 32"},
        Spelling{"epoch: 3", "epochs: 3"}, Spelling{"max_epochs: 3", "epochs: 3"},
        Spelling{"seeds: [1, 2]", "seed: [1, 2]"}, Spelling{"scheduler: cosine", "schedule: cosine"},
        Spelling{"class_weight: balanced", "class_weights: balanced"}, Spelling{"augmentation: none", "augment: none"},
        Spelling{"Learning_Rate: 1e-4", "learning_rate: 1e-4"}, Spelling{"img_size: 96", "image_size: 96"},
        Spelling{"input_shape: [96, 96, 3]", "image_size: 96"}, Spelling{"input_size: [96, 96]", "image_size: 96"},
        Spelling{"image_size: 96x96", "image_size: 96"},
        Spelling{"image_size: [96x96, 128x128]", "image_size: [96, 128]"},
        Spelling{"image_size: [96, 128]", "image_size: [96, 128]"}, Spelling{"freeze: true", "freeze: all"},
        Spelling{"freeze: [true, false]", "freeze: [all, none]"}, Spelling{"freeze: 0.5", "freeze: 50%"},
        Spelling{"trainable: false", "freeze: all"}, Spelling{"trainable: true", "freeze: none"},
        Spelling{"pretrained: true", "weights: imagenet"}, Spelling{"pretrained: false", "weights: random"},
        Spelling{"weights: IMAGENET1K_V1", "weights: resnet50-imagenet-torchvision1"},
        Spelling{"weights: IMAGENET1K_V2", "weights: resnet50-imagenet-torchvision2"},
        Spelling{"weights: DEFAULT", "weights: resnet50-imagenet-torchvision2"}, Spelling{"head: linear", "head: none"},
        Spelling{"head: null", "head: none"}, Spelling{"head: 128", "head: \"128\""},
        Spelling{"loss: cross_entropy", "loss: categorical_crossentropy"},
        Spelling{"loss: sparse_categorical_crossentropy", "loss: categorical_crossentropy"},
        Spelling{"loss: bce", "loss: binary_crossentropy"}, Spelling{"optimizer: Adam", "optimizer: adam"},
        Spelling{"optimizer: {name: adam}", "optimizer: adam"},
        Spelling{"optimizer: {name: sgd, lr: 1e-2, momentum: 0.9}",
                 "optimizer: {sgd: {momentum: 0.9}}\nlearning_rate: 1e-2"},
        Spelling{"optimizer: adamw\nweight_decay: 0.01", "optimizer: {adamw: {weight_decay: 0.01}}"},
        Spelling{"optimizer: [adamw, sgd]\nweight_decay: 0.01",
                 "optimizer: [{adamw: {weight_decay: 0.01}}, {sgd: {weight_decay: 0.01}}]"},
        Spelling{"weight_decay: 0.01", "optimizer: {adam: {weight_decay: 0.01}}"},
        Spelling{"head: 128\ndropout: 50%", "head: 128\ndropout: 0.5"},
        Spelling{"learning_rate: {min: 1e-4, max: 1e-2}\nsearch: {random: 10}",
                 "learning_rate: {uniform: [1e-4, 1e-2]}\nsearch: {random: {trials: 10}}"},
        Spelling{"learning_rate: {low: 1e-4, high: 1e-2, log: true}\nn_trials: 10",
                 "learning_rate: {log_uniform: [1e-4, 1e-2]}\nsearch: {random: {trials: 10}}"},
        Spelling{"learning_rate: {distribution: log_uniform_values, min: 1e-4, max: 1e-2}\nsearch: {random: 5}",
                 "learning_rate: {log_uniform: [1e-4, 1e-2]}\nsearch: {random: {trials: 5}}"},
        Spelling{"epochs: {values: [2, 4]}", "epochs: [2, 4]"}, Spelling{"epochs: {value: 2}", "epochs: 2"},
        Spelling{"parameters: {epochs: {values: [2, 4]}, lr: {value: 1e-3}}", "epochs: [2, 4]\nlearning_rate: 1e-3"},
        Spelling{"trainer: {max_epochs: 3}\noptim: {name: sgd, lr: 1e-2}",
                 "epochs: 3\noptimizer: sgd\nlearning_rate: 1e-2"},
        Spelling{"metrics: [accuracy]\nnum_workers: 2\ndirection: maximize", ""}));

TEST(AliasOfData, IsReadAsWhatSweepFilesSay) {
    const std::string own =
        said(read_written("data: {folder: photos, split: {validation: 0.3}}\nbackbone: resnet50\n"));
    for (const char* written : {"data: photos\nvalidation_split: 0.3\nbackbone: resnet50\n",
                                "dataset: photos\nval_split: 0.3\nmodel: ResNet50\n",
                                "data: {root: photos, val_split: 0.3}\nmodel: {name: resnet50}\n",
                                "data: {path: photos, split: 0.3}\nmodel: resnet-50\n",
                                "data: {dir: photos, split: 0.3}\nmodel: resnet-50\n"})
        EXPECT_EQ(said(read_written(written)), own) << written;
}

TEST(Aliases, AreNamedOnceEach) {
    const Sweep sweep =
        read_written("data: photos\nmodel: resnet50\nlr: [1e-3, 1e-4]\nfreeze: [true, 50]\nmetrics: [accuracy]\n");
    EXPECT_THAT(sweep.notes, testing::UnorderedElementsAre("data: photos is read as data: {folder: photos}",
                                                           "model is read as backbone", "lr is read as learning_rate",
                                                           "freeze: true is read as freeze: all",
                                                           HasSubstr("metrics is not needed")));
    EXPECT_THAT(read_written("data: {folder: photos}\nbackbone: resnet50\n").notes, testing::IsEmpty());
}

TEST(Aliases, BesideTheirOwnSpellingAreRefused) {
    EXPECT_THAT(refusal("data: {folder: photos}\nbackbone: resnet50\nlr: 1e-3\nlearning_rate: 1e-4\n"),
                HasSubstr("'learning_rate' a second time"));
}

TEST(Aliases, WithTwoReadingsAreRefusedWithBoth) {
    const std::string start = "data: {folder: photos}\nbackbone: resnet50\n";
    EXPECT_THAT(refusal(start + "freeze: 1.0\n"), AllOf(HasSubstr("100%"), HasSubstr("or 1")));
    EXPECT_THAT(refusal(start + "head: [256, 128]\n"), AllOf(HasSubstr("[[256, 128]]"), HasSubstr("[[256], [128]]")));
}

TEST(Mistakes, OfAFileAreSaidAllAtOnce) {
    const std::string message = refusal(
        "data: {folder: photos, resiz: crop}\nbackbone: [resnet50, resnet51]\nlearning_rate: fast\nepochs: [0, 4.5]\n"
        "sampler: tpe\nwhatever: 3\n");
    for (const char* part : {"sweep.yaml:1:24: ", "sweep.yaml:2:22: ", "sweep.yaml:3:16: ", "sweep.yaml:4:10: ",
                             "sweep.yaml:4:13: ", "sweep.yaml:5:1: sweep files have no 'sampler'", "sweep.yaml:6:1: "})
        EXPECT_THAT(message, HasSubstr(part));
    EXPECT_THAT(message, testing::EndsWith("7 mistakes; nothing was started"));
}

}  // namespace
}  // namespace thaw
