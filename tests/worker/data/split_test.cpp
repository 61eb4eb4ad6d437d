// Which images validate: Keras' ways as Keras does them, and ours.
#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "common/error.hpp"
#include "common/fingerprint.hpp"
#include "tests/worker/data/test_images.hpp"
#include "worker/data/image_folder.hpp"
#include "worker/data/numpy_shuffle.hpp"

namespace thaw {
namespace {

/// `sizes[c]` images of each class c, sorted by class and name.
std::vector<ImageFile> images_of(const std::vector<int>& sizes) {
    std::vector<ImageFile> images;
    for (std::size_t c = 0; c < sizes.size(); ++c)
        for (int i = 0; i < sizes[c]; ++i) {
            const std::string path = std::string(1, static_cast<char>('a' + c)) + "/" + std::to_string(100 + i);
            images.push_back({path, static_cast<int>(c), Part::train, fingerprint(path)});
        }
    return images;
}

std::vector<std::string> validation_paths(std::vector<ImageFile> images, int classes, const SplitOptions& options) {
    split_images(images, classes, options);
    std::vector<std::string> paths;
    for (const ImageFile& image : images)
        if (image.part == Part::validation) paths.push_back(image.path);
    return paths;
}

TEST(NumpyShuffle, LeavesListsInTheOrderThatNumpyLeavesThem) {
    std::ifstream golden(kGolden / "numpy_shuffle.txt");
    std::string line;
    int lines = 0;
    for (; std::getline(golden, line); ++lines) {
        std::istringstream numbers(line);
        std::uint32_t seed;
        std::size_t n;
        numbers >> seed >> n;
        const std::vector<std::size_t> expected{std::istream_iterator<std::size_t>(numbers), {}};
        EXPECT_EQ(numpy_shuffled_order(n, seed), expected) << "seed " << seed << ", n " << n;
    }
    EXPECT_EQ(lines, 16);
}

TEST(KerasGenerator, ValidatesTheFirstOfEachClassRoundedDown) {
    EXPECT_THAT(validation_paths(images_of({7, 11, 4}), 3, {SplitMethod::keras_generator, 0.2, 1}),
                testing::ElementsAre("a/100", "b/100", "b/101"));
}

TEST(KerasDataset, ValidatesTheLastOfNumpysShuffle) {
    // np.random.RandomState(123).shuffle(list(range(33))) ends in the numbers of the golden file.
    std::vector<ImageFile> images = images_of({20, 13});
    const std::vector<std::size_t> order = numpy_shuffled_order(33, 123);
    std::vector<std::string> expected;
    for (std::size_t i = 33 - 6; i < 33; ++i) expected.push_back(images[order[i]].path);
    EXPECT_THAT(validation_paths(images, 2, {SplitMethod::keras_dataset, 0.2, 123}),
                testing::UnorderedElementsAreArray(expected));
}

TEST(KerasDataset, RefusesSeedsThatNumpyRefuses) {
    std::vector<ImageFile> images = images_of({5, 5});
    EXPECT_THROW(split_images(images, 2, {SplitMethod::keras_dataset, 0.2, 1ull << 32}), UserError);
}

TEST(Fit, ValidatesTheLastOfTheListWithTheTrainingPartRoundedDown) {
    EXPECT_THAT(validation_paths(images_of({3, 4}), 2, {SplitMethod::fit, 0.2, 1}),
                testing::ElementsAre("b/102", "b/103"));  // floor(7 * 0.8) = 5 train
}

TEST(Stratified, TakesItsShareOfEachClassButNeverAllOrNone) {
    const std::vector<std::string> paths =
        validation_paths(images_of({50, 20, 2, 1}), 4, {SplitMethod::stratified, 0.2, 1});
    std::map<char, int> count;
    for (const std::string& path : paths) ++count[path[0]];
    EXPECT_THAT(count, testing::ElementsAre(testing::Pair('a', 10), testing::Pair('b', 4), testing::Pair('c', 1)));
}

TEST(Stratified, MovesFewImagesWhenOneIsAdded) {
    const SplitOptions options{SplitMethod::stratified, 0.2, 1};
    const std::vector<std::string> before = validation_paths(images_of({50}), 1, options);
    const std::vector<std::string> after = validation_paths(images_of({51}), 1, options);
    const std::set<std::string> both(after.begin(), after.end());
    int stayed = 0;
    for (const std::string& path : before) stayed += both.count(path);
    EXPECT_GE(stayed, 9);
}

TEST(Stratified, DependsOnTheSeedAndOnContentButNotOnOrder) {
    std::vector<ImageFile> images = images_of({40, 40});
    const std::vector<std::string> one = validation_paths(images, 2, {SplitMethod::stratified, 0.25, 1});
    EXPECT_NE(one, validation_paths(images, 2, {SplitMethod::stratified, 0.25, 2}));
    std::reverse(images.begin(), images.end());
    EXPECT_THAT(validation_paths(images, 2, {SplitMethod::stratified, 0.25, 1}),
                testing::UnorderedElementsAreArray(one));
}

TEST(Split, RefusesFractionsThatLeaveOnePartEmpty) {
    std::vector<ImageFile> images = images_of({5, 5});
    EXPECT_THROW(split_images(images, 2, {SplitMethod::fit, 0.0, 1}), UserError);
    EXPECT_THROW(split_images(images, 2, {SplitMethod::fit, 1.0, 1}), UserError);
}

}  // namespace
}  // namespace thaw
