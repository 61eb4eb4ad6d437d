// The `augment:` words of a sweep file; tests/coordinator/sweep/broken has the ways to get them wrong.
#include <gmock/gmock.h>

#include "tests/coordinator/sweep/sweep_fixture.hpp"

namespace thaw {
namespace {

std::vector<Augment> read(const std::string& yaml) {
    std::vector<Augment> augments;
    for (const Trial& trial : expand_text("backbone: mobilenet_v2\naugment: " + yaml + "\n").trials)
        augments.push_back(trial.augment);
    return augments;
}

TEST(ReadAugment, KnowsKerasWords) {
    const Augment augment = read(
                                "{views: 4, rotation_range: 10, width_shift_range: 0.1, height_shift_range: 0.2, "
                                "shear_range: 5, zoom_range: [0.5, 1.25], brightness_range: [0.8, 1.2], "
                                "channel_shift_range: 20, horizontal_flip: true, vertical_flip: true, fill_mode: "
                                "constant, cval: 127.5, crop_scale: [0.3, 1], crop_ratio: [1, 1]}")
                                .at(0);
    Augment expected;
    expected.views = 4;
    expected.rotation_range = 10;
    expected.width_shift_range = 0.1;
    expected.height_shift_range = 0.2;
    expected.shear_range = 5;
    expected.zoom_range = {0.5, 1.25};
    expected.brightness_range = {0.8, 1.2};
    expected.channel_shift_range = 20;
    expected.horizontal_flip = expected.vertical_flip = true;
    expected.fill_mode = FillMode::constant;
    expected.cval = 127.5;
    expected.crop_scale = {0.3, 1};
    expected.crop_ratio = {1, 1};
    EXPECT_EQ(augment, expected);
}

TEST(ReadAugment, TakesOneZoomBothWays) {
    const Augment augment = read("{views: fresh, zoom_range: 0.25}").at(0);
    EXPECT_TRUE(augment.fresh);
    EXPECT_EQ(augment.views, 0);
    EXPECT_EQ(augment.zoom_range, (FactorRange{0.75, 1.25}));
}

TEST(ReadAugment, IsAnAxis) {
    const std::vector<Augment> augments =
        read("[none, {views: 2, horizontal_flip: true}, {views: fresh, horizontal_flip: true}]");
    ASSERT_EQ(augments.size(), 3u);
    EXPECT_TRUE(augments[0].none());
    EXPECT_EQ(augments[1].views, 2);
    EXPECT_TRUE(augments[2].fresh);
    EXPECT_EQ(read("none").size(), 1u);
    EXPECT_EQ(read("[none, none]").size(), 1u) << "the same trial twice";
}

}  // namespace
}  // namespace thaw
