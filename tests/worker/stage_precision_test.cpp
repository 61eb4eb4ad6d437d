// Whatever carries images through frozen layers does so in the precision that its stage or probe names.
#include <gmock/gmock.h>

#include "common/util/error.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/cache/array_file.hpp"
#include "worker/cache/cached_array.hpp"
#include "worker/frozen_stages.hpp"
#include "worker/measure.hpp"
#include "worker/network/frozen_network.hpp"
#include "worker/train_stage.hpp"

namespace thaw {
namespace {

constexpr int kSize = 32, kImages = 6;

class StagePrecision : public testing::Test {
  protected:
    StagePrecision() {
        const CachedArray array(folder_ / "images", {kImages, 3 * kSize * kSize, 1}, 0);
        const auto images = array.begin();
        Dataset dataset{folder_.path(), {"a", "b"}, {}};
        for (int i = 0; i < kImages; ++i) {
            auto* pixels = static_cast<std::uint8_t*>(images->row(i));
            for (int j = 0; j < 3 * kSize * kSize; ++j) pixels[j] = static_cast<std::uint8_t>((i + 3) * j * 7919 >> 4);
            dataset.images.push_back({"", i % 2, i < 4 ? Part::train : Part::validation, ""});
        }
        array.commit(*images, {});
        write_dataset(folder_ / "dataset.json", dataset);
    }

    std::vector<float> features(Precision precision) {
        FeaturesStage stage;
        stage.images = folder_ / "images";
        stage.backbone = "mobilenet_v2";
        stage.seed = 1;
        stage.image_size = kSize;
        stage.precision = precision;
        stage.taps = {{{154, true, Pooling::average}, folder_ / to_string(precision)}};
        run(stage, context_, reports_, {});
        const ArrayFile file(stage.taps[0].output);
        return {file.floats(), file.floats() + file.rows() * file.row_elements()};
    }
    /// The losses of a head whose features are computed anew at every use.
    std::vector<float> losses(Precision precision) {
        Trial trial;
        trial.backbone = "mobilenet_v2";
        trial.weights = "random";
        trial.image_size = kSize;
        trial.frozen_layers = trial.cut = 154;
        trial.epochs = 1;
        trial.precision = precision;
        TrainStage stage;
        stage.dataset = folder_ / "dataset.json";
        stage.images = folder_ / "images";
        stage.recompute = true;
        stage.trajectories.emplace_back().trial = trial;
        losses_.clear();
        run(stage, context_, reports_, {});
        return losses_;
    }
    /// In bf16 other values than in float32, but near them; or the machine's refusal.
    void expect_both(const std::function<std::vector<float>(Precision)>& compute) {
        const std::vector<float> usual = compute(Precision::float32);
        ASSERT_FALSE(usual.empty());
        if (!supports(Precision::bfloat16)) {
            EXPECT_THAT([&] { compute(Precision::bfloat16); },
                        testing::ThrowsMessage<UserError>(testing::HasSubstr("precision bf16")));
            return;
        }
        const std::vector<float> bf16 = compute(Precision::bfloat16);
        EXPECT_NE(bf16, usual);
        EXPECT_EQ(bf16.size(), usual.size());
    }

    TemporaryFolder folder_;
    StageContext context_;
    std::vector<float> losses_;
    StageReports reports_ = {[](std::int64_t) {},
                             [this](int, const EpochMetrics& metrics, const std::string&) {
                                 losses_.push_back(static_cast<float>(metrics.train_loss));
                             },
                             [](int, const std::string& message) { ADD_FAILURE() << message; }};
};

TEST_F(StagePrecision, IsThatOfTheFeaturesThatAreKept) {
    expect_both([this](Precision precision) { return features(precision); });
}

TEST_F(StagePrecision, IsThatOfTheFeaturesThatAreComputedAnew) {
    expect_both([this](Precision precision) { return losses(precision); });
}

TEST_F(StagePrecision, IsThatOfTheSpeedThatIsMeasured) {
    Probe probe;
    probe.kind = Probe::Kind::forward;
    probe.backbone = "mobilenet_v2";
    probe.padding = "symmetric";
    probe.image_size = kSize;
    probe.cut = 154;
    const auto measured = [&](Precision precision) {
        probe.precision = precision;
        Speeds speeds;
        measure_speeds({probe}, {}, 1, folder_.path(), false, speeds);
        return speeds.find(probe).has_value();
    };
    EXPECT_TRUE(measured(Precision::float32));
    EXPECT_EQ(measured(Precision::bfloat16), supports(Precision::bfloat16));
}

}  // namespace
}  // namespace thaw
