// Which images validate: Keras' ways as Keras does them, and ours.
#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "common/util/error.hpp"
#include "common/util/fingerprint.hpp"
#include "tests/support/temporary_folder.hpp"
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

/// The folders of the golden file, whose files are stubs here: Keras, too, goes by names.
class SplitGolden : public testing::Test {
  protected:
    static nlohmann::json golden() { return nlohmann::json::parse(read_file(kGolden / "split_golden.json")); }

    /// Of scan_images what it lists, then split: it refuses what Keras would train without a class.
    static std::vector<ImageFile> split(const std::filesystem::path& folder, const nlohmann::json& wanted) {
        SplitOptions options{parse_split_method(wanted.at("method")), 0.2, wanted.at("seed"), 0};
        const bool by_folder = options.method == SplitMethod::keras_dataset;
        Dataset listed = scan_images(folder, {by_folder ? options.method : SplitMethod::keras_generator, 0.4, 1, 0}, 1);
        if (wanted.contains("folds")) options.folds = wanted.at("folds");
        if (wanted.contains("validation")) options.validation = wanted.at("validation");
        split_images(listed.images, static_cast<int>(listed.classes.size()), options);
        return std::move(listed.images);
    }
};

TEST_F(SplitGolden, TrainsOnAndValidatesExactlyTheFilesThatKerasDoes) {
    int splits = 0;
    for (const nlohmann::json& shape : golden()) {
        TemporaryFolder folder;
        const std::vector<std::string> files = shape.at("files");
        write_stubs(folder.path(), files);
        for (const nlohmann::json& split : shape.at("splits")) {
            const std::vector<ImageFile> images = SplitGolden::split(folder.path(), split);
            for (const Part part : {Part::train, Part::validation}) {
                std::vector<std::string> expected, found;
                for (const int i : split.at("parts").at(static_cast<std::size_t>(part)))
                    expected.push_back(files.at(i));
                for (const ImageFile& image : images)
                    if (image.part == part) found.push_back(image.path);
                EXPECT_THAT(found, testing::UnorderedElementsAreArray(expected))
                    << shape.at("shape") << " " << split.at("method") << " seed " << split.at("seed");
            }
            ++splits;
        }
    }
    EXPECT_EQ(splits, 5 * 2 * 3 + 3 * 3);
}

TEST_F(SplitGolden, HasTheFoldsOfScikitLearn) {
    int counted = 0;
    for (const nlohmann::json& shape : golden()) {
        TemporaryFolder folder;
        const std::vector<std::string> files = shape.at("files");
        write_stubs(folder.path(), files);
        for (const nlohmann::json& wanted : shape.at("folds")) {
            std::map<std::string, int> expected, found;
            for (std::size_t i = 0; i < files.size(); ++i)
                if (const int fold = wanted.at("fold").at(i); fold > 0) expected[files[i]] = fold;
            for (const ImageFile& image : split(folder.path(), wanted)) found[image.path] = image.fold;
            EXPECT_EQ(found, expected) << shape.at("shape") << " " << wanted;
            ++counted;
        }
    }
    EXPECT_EQ(counted, 5 * 2 * 3 + 3 * 2);
}

TEST(Folds, ValidateEveryImageOnceAndAreAsLikeAsCanBe) {
    for (const SplitMethod method :
         {SplitMethod::stratified, SplitMethod::keras_generator, SplitMethod::keras_dataset, SplitMethod::fit}) {
        std::vector<ImageFile> images = images_of({50, 23, 7});
        split_images(images, 3, {method, 0.2, 1, 4});
        std::vector<int> sizes(5), small(5);
        for (const ImageFile& image : images) {
            EXPECT_EQ(image.part, Part::train);
            ++sizes.at(static_cast<std::size_t>(image.fold));
            if (image.label == 2) ++small.at(static_cast<std::size_t>(image.fold));
        }
        EXPECT_THAT(sizes, testing::ElementsAre(0, 20, 20, 20, 20)) << to_string(method);
        if (method == SplitMethod::stratified || method == SplitMethod::keras_generator) {
            EXPECT_EQ(*std::min_element(small.begin() + 1, small.end()), 1) << to_string(method);
        }
    }
}

/// The images, each as often as `copies` says, under other names; `group` of its number.
std::vector<ImageFile> with_copies(const std::vector<int>& sizes, int copies, bool grouped) {
    std::vector<ImageFile> images;
    for (const ImageFile& image : images_of(sizes))
        for (int copy = 0; copy < copies; ++copy) {
            images.push_back(image);
            images.back().path += "_" + std::to_string(copy);
            if (!grouped) continue;
            images.back().fingerprint = fingerprint(images.back().path);
            images.back().group = image.path;
        }
    return images;
}

/// In how many parts (or folds) each unit of images lies, at most.
std::size_t most_parts(const std::vector<ImageFile>& images) {
    std::map<std::string, std::set<std::pair<Part, int>>> parts;
    std::size_t most = 0;
    for (const ImageFile& image : images) {
        auto& of_unit = parts[image.group.empty() ? image.fingerprint : image.group];
        of_unit.emplace(image.part, image.fold);
        most = std::max(most, of_unit.size());
    }
    return most;
}

TEST(Units, OfEqualContentOrOneGroupStayInOnePart) {
    for (const bool grouped : {false, true})
        for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
            std::vector<ImageFile> images = with_copies({30, 20, 3}, 3, grouped);
            split_images(images, 3, {SplitMethod::stratified, 0.2, seed});
            EXPECT_EQ(most_parts(images), 1u);
            std::map<int, int> validates;
            for (const ImageFile& image : images) validates[image.label] += image.part == Part::validation;
            EXPECT_EQ(validates, (std::map<int, int>{{0, 18}, {1, 12}, {2, 3}})) << "a class of large units has one";
        }
}

TEST(Units, OfEqualContentValidateInOneFoldOfEveryMethod) {
    for (const SplitMethod method :
         {SplitMethod::stratified, SplitMethod::keras_generator, SplitMethod::keras_dataset, SplitMethod::fit}) {
        std::vector<ImageFile> images = with_copies({30, 15}, 3, false);
        split_images(images, 2, {method, 0.2, 1, 5});
        EXPECT_EQ(most_parts(images), 1u) << to_string(method);
        if (method != SplitMethod::stratified) continue;
        std::map<int, int> sizes;
        for (const ImageFile& image : images) ++sizes[image.fold];
        EXPECT_EQ(sizes, (std::map<int, int>{{1, 27}, {2, 27}, {3, 27}, {4, 27}, {5, 27}}));
    }
}

TEST(Units, SpanClasses) {
    std::vector<ImageFile> images = images_of({40, 40});
    for (std::size_t i = 0; i < 40; ++i) images[i].group = images[40 + i].group = "patient " + std::to_string(i / 4);
    for (const int folds : {0, 5}) {
        split_images(images, 2, {SplitMethod::stratified, 0.2, 1, folds});
        EXPECT_EQ(most_parts(images), 1u);
        std::map<std::pair<int, int>, int> count;
        for (const ImageFile& image : images) count[{image.label, image.fold}] += image.validates();
        for (const auto& [where, validate] : count) EXPECT_EQ(validate, 8);
    }
}

TEST(Units, DoNotChangeSplitsWithoutCopies) {
    // Written by the splits of before there were units.
    const auto hash = [](const SplitOptions& options) {
        std::vector<ImageFile> images = images_of({50, 23, 7, 1});
        split_images(images, 4, options);
        Fingerprint parts;
        for (const ImageFile& image : images)
            parts.add(std::to_string(static_cast<int>(image.part)) + " " + std::to_string(image.fold));
        return parts.hex();
    };
    EXPECT_EQ(hash({SplitMethod::stratified, 0.2, 1}), "c3bf40b82b4f74b29a7bdcdad2cce912");
    EXPECT_EQ(hash({SplitMethod::stratified, 0.33, 7}), "d0d420f0f592fa89828ce70260365e1e");
    EXPECT_EQ(hash({SplitMethod::stratified, 0.2, 1, 4}), "cda90f8c819fb036f0d95509c8d5af2f");
    EXPECT_EQ(hash({SplitMethod::stratified, 0.2, 5, 7}), "18caa749bcd2948b4886918d99d3209e");
    EXPECT_EQ(hash({SplitMethod::keras_generator, 0.2, 1, 4}), "00433f90c38b4582e37a76e126c80558");
}

TEST(Test, IsSplitOffBeforeValidationAndOfAllImages) {
    SplitOptions options{SplitMethod::stratified, 0.2, 1};
    options.test = 0.1;
    std::vector<ImageFile> images = with_copies({50, 100}, 2, false);
    split_images(images, 2, options);
    EXPECT_EQ(most_parts(images), 1u);
    std::map<std::pair<int, Part>, int> count;
    for (const ImageFile& image : images) ++count[{image.label, image.part}];
    EXPECT_EQ(count, (std::map<std::pair<int, Part>, int>{{{0, Part::train}, 70},
                                                          {{0, Part::validation}, 20},
                                                          {{0, Part::test}, 10},
                                                          {{1, Part::train}, 140},
                                                          {{1, Part::validation}, 40},
                                                          {{1, Part::test}, 20}}));
    EXPECT_EQ(images.back().part, Part::test);
    options.folds = 3;
    split_images(images, 2, options);
    EXPECT_EQ(std::ranges::count(images, Part::test, &ImageFile::part), 30);
    EXPECT_EQ(std::ranges::count(images, 0, &ImageFile::fold), 30) << "no fold has test images";
    options.method = SplitMethod::fit;
    EXPECT_THROW(split_images(images, 2, options), UserError);
}

TEST(Folds, RefuseMoreFoldsThanImages) {
    std::vector<ImageFile> images = images_of({2, 2});
    EXPECT_THROW(split_images(images, 2, {SplitMethod::stratified, 0.2, 1, 5}), UserError);
    EXPECT_THROW(split_images(images, 2, {SplitMethod::stratified, 0.2, 1, 1}), UserError);
}

TEST(Split, RefusesFractionsThatLeaveOnePartEmpty) {
    std::vector<ImageFile> images = images_of({5, 5});
    EXPECT_THROW(split_images(images, 2, {SplitMethod::fit, 0.0, 1}), UserError);
    EXPECT_THROW(split_images(images, 2, {SplitMethod::fit, 1.0, 1}), UserError);
}

}  // namespace
}  // namespace thaw
