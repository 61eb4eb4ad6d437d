// Which rows views take, and what these rows are called.
#include "worker/cache/view_rows.hpp"

#include <gmock/gmock.h>

#include <set>

namespace thaw {
namespace {

using testing::ElementsAre;

Dataset dataset() {
    Dataset dataset;
    for (const auto& [name, part] : std::vector<std::pair<const char*, Part>>{
             {"a", Part::train}, {"b", Part::validation}, {"c", Part::train}, {"d", Part::test}, {"e", Part::train}})
        dataset.images.push_back({name, 0, part, std::string("content of ") + name});
    return dataset;
}

Trial trial_with(int views) {
    Trial trial;
    trial.augment.views = views;
    trial.augment.rotation_range = 10;
    return trial;
}

TEST(ViewRows, FollowTheImagesViewAfterView) {
    const ViewRows rows(dataset(), trial_with(2));
    EXPECT_EQ(rows.count(), 5 + 2 * 3);
    EXPECT_EQ(rows.row(2, 0), 2);
    EXPECT_EQ(rows.row(2, 1), 6);
    EXPECT_EQ(rows.row(2, 2), 9);
    EXPECT_EQ(rows.row(2, 3), 6) << "views are taken in turn";
    EXPECT_EQ(rows.row(1, 1), 1) << "what is not trained on has no views";
    EXPECT_EQ(rows.image(9), 2);
    EXPECT_EQ(rows.view(9), 1);
    EXPECT_EQ(ViewRows(dataset(), Trial{}).count(), 5);
}

TEST(ViewRows, OfFoldsAreOfAllButTheTestImages) {
    Trial trial = trial_with(2);
    trial.folds = 5;
    EXPECT_EQ(ViewRows(dataset(), trial).count(), 5 + 2 * 4);
    EXPECT_THAT(trained_images(dataset(), true), ElementsAre(0, 1, 2, 4));
}

TEST(ViewRows, AreNamedByAllThatMakesThem) {
    const RowFingerprints usual = ViewRows(dataset(), trial_with(2)).names(dataset());
    EXPECT_EQ(usual.at(3), "content of d");
    EXPECT_EQ(std::set<std::string>(usual.begin(), usual.end()).size(), 11u);
    const RowFingerprints more = ViewRows(dataset(), trial_with(3)).names(dataset());
    EXPECT_TRUE(std::equal(usual.begin(), usual.end(), more.begin())) << "so that rows are found again";
    Trial other = trial_with(2);
    other.seed = 7;
    EXPECT_NE(ViewRows(dataset(), other).names(dataset()).at(5), usual.at(5));
    other = trial_with(2);
    other.augment.rotation_range = 11;
    EXPECT_NE(ViewRows(dataset(), other).names(dataset()).at(5), usual.at(5));
}

}  // namespace
}  // namespace thaw
