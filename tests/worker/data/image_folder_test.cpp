// Folders of images as users have them, well laid out and not.
#include "worker/data/image_folder.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "common/util/error.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/worker/data/test_images.hpp"
#include "worker/data/findings.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

/// The message of the UserError that scanning ends in.
std::string scan_complaint(const fs::path& folder, const SplitOptions& options = {}) {
    try {
        scan_images(folder, options, 2);
    } catch (const UserError& error) {
        return error.what();
    }
    return "no complaint";
}

std::vector<std::string> paths(const Dataset& dataset, Part part) {
    std::vector<std::string> found;
    for (const ImageFile& image : dataset.images)
        if (image.part == part) found.push_back(image.path);
    return found;
}

TEST(ScanImages, SortsClassesAndNamesBytewiseAndKeepsSpacesAndAccents) {
    TemporaryFolder folder;
    write_stubs(folder.path(), {"Zebra/b.JPG", "Zebra/B.jpg", "été/mon été.png", "été/2.webp", "a b/x.jpeg",
                                "a b/y.bmp", "a b/.hidden.jpg", "a b/notes.txt", ".git/x.jpg", "readme.md"});
    const Dataset dataset = scan_images(folder.path(), {}, 2);
    EXPECT_THAT(dataset.classes, ElementsAre("Zebra", "a b", "été"));
    std::vector<std::string> all;
    for (const ImageFile& image : dataset.images) all.push_back(image.path);
    EXPECT_THAT(all,
                ElementsAre("Zebra/B.jpg", "Zebra/b.JPG", "a b/x.jpeg", "a b/y.bmp", "été/2.webp", "été/mon été.png"));
    EXPECT_EQ(dataset.images[2].label, 1);
}

TEST(ScanImages, TakesATestFolderWithoutClasses) {
    for (const char* inner : {"test/", "test/test/", "test/all of them/"}) {
        TemporaryFolder folder;
        write_class(folder / "train", "cat", 3);
        write_class(folder / "train", "dog", 3);
        write_stubs(folder.path(), {std::string(inner) + "1.jpg", std::string(inner) + "2.jpg"});
        const Dataset dataset = scan_images(folder.path(), {}, 2);
        EXPECT_THAT(paths(dataset, Part::test),
                    ElementsAre(std::string(inner) + "1.jpg", std::string(inner) + "2.jpg"));
        EXPECT_EQ(dataset.images.back().label, -1);
        EXPECT_EQ(dataset.count(Part::test, 0), 2);
    }
    TemporaryFolder folder;
    write_class(folder / "train", "cat", 3);
    write_class(folder / "train", "dog", 3);
    write_class(folder / "test", "cat", 2);
    EXPECT_EQ(scan_images(folder.path(), {}, 2).images.back().label, 0) << "one class is a class";
    write_class(folder / "test", "wolf", 2);
    EXPECT_THAT(scan_complaint(folder.path()), HasSubstr("'wolf' is missing from train"));
}

TEST(ScanImages, KeepsTestFoldersApartFromFoldsAndRefusesFoldsOfWhatIsSplit) {
    TemporaryFolder folder;
    write_class(folder / "train", "cat", 4);
    write_class(folder / "train", "dog", 5);
    write_class(folder / "test", "cat", 2);
    const SplitOptions options{SplitMethod::stratified, 0.2, 1, 3};
    const Dataset dataset = scan_images(folder.path(), options, 2);
    for (int fold = 1; fold <= 3; ++fold) {
        EXPECT_EQ(dataset.count(Part::validation, fold), 3);
        EXPECT_EQ(dataset.count(Part::train, fold), 6);
        EXPECT_EQ(dataset.count(Part::test, fold), 2);
    }
    EXPECT_EQ(dataset.images.back().fold, 0);
    EXPECT_NE(dataset.fingerprint(), scan_images(folder.path(), {}, 2).fingerprint());
    write_dataset(folder / "dataset.json", dataset);
    EXPECT_EQ(read_dataset(folder / "dataset.json").fingerprint(), dataset.fingerprint());
    write_class(folder / "train", "rare", 1);
    EXPECT_THAT(scan_complaint(folder.path(), options), HasSubstr("leaves class 'rare' without training images"));
    write_class(folder / "train", "rare", 3);
    write_class(folder / "val", "cat", 2);
    EXPECT_THAT(scan_complaint(folder.path(), options), HasSubstr("a validation folder and `folds: 3`"));
}

TEST(ScanImages, TakesPartFoldersAsTheyStand) {
    for (const char* validation : {"val", "validation", "valid"}) {
        TemporaryFolder folder;
        write_class(folder / "train", "cat", 3);
        write_class(folder / "train", "dog", 3);
        write_class(folder / validation, "dog", 2);
        write_class(folder / "test", "cat", 1);
        const Dataset dataset = scan_images(folder.path(), {}, 2);
        EXPECT_EQ(paths(dataset, Part::train).size(), 6u);
        EXPECT_EQ(paths(dataset, Part::validation).size(), 2u);
        EXPECT_THAT(paths(dataset, Part::test), ElementsAre("test/cat/00.jpg"));
    }
}

TEST(ScanImages, TakesPartFoldersInEitherCase) {
    for (const SplitMethod method : {SplitMethod::stratified, SplitMethod::keras_generator}) {
        TemporaryFolder folder;
        write_class(folder / "Train", "cat", 6);
        write_class(folder / "Train", "dog", 6);
        write_class(folder / "TEST", "cat", 2);
        const Dataset dataset = scan_images(folder.path(), {.method = method}, 2);
        EXPECT_THAT(dataset.classes, ElementsAre("cat", "dog"));
        EXPECT_EQ(dataset.count(Part::train, 0) + dataset.count(Part::validation, 0), 12);
        EXPECT_THAT(paths(dataset, Part::test), ElementsAre("TEST/cat/00.jpg", "TEST/cat/01.jpg"));
        write_class(folder / "Validation", "dog", 1);
        EXPECT_THAT(paths(scan_images(folder.path(), {}, 2), Part::validation), ElementsAre("Validation/dog/00.jpg"));
        write_class(folder / "train", "dog", 1);
        EXPECT_THAT(scan_complaint(folder.path()), HasSubstr("both Train/ and train/ are there; which one trains?"));
    }
}

TEST(ScanImages, TrainsNobodyToTellTrainingSetsFromTestSets) {
    for (const SplitMethod method : {SplitMethod::stratified, SplitMethod::keras_generator}) {
        TemporaryFolder folder;
        write_class(folder / "training_set", "cat", 6);
        write_class(folder / "test_set", "cat", 6);
        EXPECT_THAT(scan_complaint(folder.path(), {.method = method}),
                    HasSubstr("test_set, training_set look like parts of one data set"));
    }
    TemporaryFolder folder;
    write_class(folder.path(), "train", 6);
    write_class(folder.path(), "test", 6);
    EXPECT_THAT(scan_images(folder.path(), {}, 2).classes, ElementsAre("test", "train")) << "images lie in them";
}

TEST(ScanImages, TakesClassNamesThatLookTheSameForOne) {
    const std::string composed = "caf\xC3\xA9", decomposed = "cafe\xCC\x81";
    TemporaryFolder folder;
    write_class(folder / "train", composed, 3);
    write_class(folder / "train", "the", 3);
    write_class(folder / "val", decomposed, 2);
    const Dataset dataset = scan_images(folder.path(), {}, 2);
    EXPECT_THAT(dataset.classes, ElementsAre(composed, "the"));
    ASSERT_EQ(paths(dataset, Part::validation).size(), 2u);
    EXPECT_EQ(dataset.images.back().label, 0);
    write_class(folder / "train", decomposed, 1);
    EXPECT_EQ(scan_images(folder.path(), {}, 2).classes.size(), 2u) << "also beside each other";
    fs::remove_all(folder / "train/the");
    EXPECT_THAT(scan_complaint(folder.path()), HasSubstr("one class only"));
}

TEST(ScanImages, PassesOverWhatSystemsLeaveInFolders) {
    TemporaryFolder folder;
    write_class(folder.path(), "cat", 3);
    write_class(folder.path(), "dog", 3);
    write_stubs(folder.path(), {"__MACOSX/cat/._00.jpg", "@eaDir/x.jpg", "cat/@eaDir/00.jpg@SynoEAStream",
                                "dog/Thumbs.db", "dog/desktop.ini", "dog/.DS_Store", "$RECYCLE.BIN/x.jpg"});
    const Dataset dataset = scan_images(folder.path(), {}, 2);
    EXPECT_THAT(dataset.classes, ElementsAre("cat", "dog"));
    EXPECT_EQ(dataset.images.size(), 6u);
    EXPECT_TRUE(dataset.left_out.empty());
}

TEST(ScanImages, NamesWhatItLeavesOut) {
    TemporaryFolder folder;
    write_class(folder / "train", "cat", 3);
    write_class(folder / "train", "dog", 3);
    write_stubs(folder / "train", {"dog/a.jfif", "dog/b.JFIF", "dog/c.heic", "dog/d"});
    fs::create_symlink("nowhere.jpg", folder / "train/cat/gone.jpg");
    fs::create_symlink("loop", folder / "train/loop");
    write_stubs(folder / "unlabeled", {"x.jpg"});
    const Dataset dataset = scan_images(folder.path(), {}, 2);
    EXPECT_EQ(dataset.images.size(), 6u);
    const std::string text = left_out_text(dataset);
    EXPECT_THAT(text, HasSubstr("4 files are left out for their endings, "));
    EXPECT_THAT(text, HasSubstr("none (1), .JFIF (1), .heic (1), .jfif (1): train/dog/a.jfif, train/dog/b.JFIF, "
                                "train/dog/c.heic and 1 more"));
    EXPECT_THAT(text, HasSubstr("2 links are left out, for they lead nowhere: train/cat/gone.jpg, train/loop"));
    EXPECT_THAT(text, HasSubstr("1 folder is left out, being none of train, val and test: unlabeled"));
    fs::remove_all(folder / "train/dog");
    write_stubs(folder / "train", {"dog/a.heic", "dog/b.heic"});
    EXPECT_THAT(scan_complaint(folder.path()), HasSubstr("2 files are left out for their endings, .heic (2)"));
}

TEST(ScanImages, SplitsTrainWhereThereIsNoValidationFolderAndLeavesTestAlone) {
    TemporaryFolder folder;
    write_class(folder / "train", "cat", 10);
    write_class(folder / "train", "dog", 10);
    write_stubs(folder / "test", {"1.jpg", "2.jpg"});
    const Dataset dataset = scan_images(folder.path(), {SplitMethod::keras_generator, 0.2, 1}, 2);
    EXPECT_THAT(paths(dataset, Part::validation),
                ElementsAre("train/cat/00.jpg", "train/cat/01.jpg", "train/dog/00.jpg", "train/dog/01.jpg"));
    EXPECT_THAT(paths(dataset, Part::test), ElementsAre("test/1.jpg", "test/2.jpg"));
    EXPECT_EQ(dataset.images.back().label, -1) << "a test folder without classes has no labels";
}

TEST(ScanImages, TakesTrainForAClassWhereImagesLieInIt) {
    TemporaryFolder folder;
    write_class(folder.path(), "plane", 5);
    write_class(folder.path(), "train", 5);
    EXPECT_THAT(scan_images(folder.path(), {}, 2).classes, ElementsAre("plane", "train"));
}

TEST(ScanImages, SaysWhatIsWrongWithAFolderAndWhere) {
    TemporaryFolder folder;
    EXPECT_THAT(scan_complaint(folder / "absent"), HasSubstr("absent: no such folder"));
    EXPECT_THAT(scan_complaint(folder.path()), HasSubstr("no classes"));
    write_stub(folder / "loose.jpg");
    EXPECT_THAT(scan_complaint(folder.path()), HasSubstr("1 images lie in the folder itself"));
    EXPECT_THAT(scan_complaint(folder / "loose.jpg"), HasSubstr("not a folder"));
    write_class(folder.path(), "cat", 3);
    EXPECT_THAT(scan_complaint(folder.path()), HasSubstr("one class only, 'cat'"));
    write_stub(folder / "dog/notes.txt");
    EXPECT_THAT(scan_complaint(folder.path()), HasSubstr("dog: no images in this class folder"));
    write_class(folder.path(), "dog/puppies", 3);
    EXPECT_THAT(scan_complaint(folder.path()), HasSubstr("holds a folder, 'puppies'"));
}

TEST(ScanImages, SaysWhatIsWrongWithPartFolders) {
    TemporaryFolder folder;
    write_class(folder / "val", "cat", 2);
    EXPECT_THAT(scan_complaint(folder.path()), HasSubstr("no train/"));
    write_class(folder / "train", "cat", 2);
    EXPECT_THAT(scan_complaint(folder.path()), HasSubstr("one class only"));
    write_class(folder / "train", "dog", 2);
    write_class(folder / "val", "bird", 2);
    EXPECT_THAT(scan_complaint(folder.path()), HasSubstr("class 'bird' is missing from train"));
    fs::remove_all(folder / "val/bird");
    write_class(folder / "valid", "cat", 2);
    EXPECT_THAT(scan_complaint(folder.path()), HasSubstr("both val/ and valid/"));
}

TEST(ScanImages, RefusesSplitsThatLeaveAClassUntrainedOrNothingToValidate) {
    TemporaryFolder folder;
    write_class(folder.path(), "cat", 8);
    write_class(folder.path(), "dog", 2);
    EXPECT_THAT(scan_complaint(folder.path(), {SplitMethod::fit, 0.2, 1}),
                HasSubstr("leaves class 'dog' without training images"));
    EXPECT_THAT(scan_complaint(folder.path(), {SplitMethod::keras_generator, 0.05, 1}),
                HasSubstr("leaves no validation images"));
}

TEST(ScanImages, RefusesNamesThatAreNotUtf8) {
    TemporaryFolder folder;
    write_class(folder.path(), "cat", 2);
    write_class(folder.path(), "caf\xE9", 2);
    EXPECT_THAT(scan_complaint(folder.path()), HasSubstr("not valid UTF-8"));
}

TEST(DatasetFingerprint, IsOfContentsLabelsAndPartsNotOfThePlace) {
    TemporaryFolder folder;
    write_class(folder / "one", "cat", 20);
    write_class(folder / "one", "dog", 20);
    fs::copy(folder / "one", folder / "two", fs::copy_options::recursive);
    const std::string one = scan_images(folder / "one", {}, 1).fingerprint();
    EXPECT_EQ(one, scan_images(folder / "two", {}, 3).fingerprint());
    EXPECT_NE(one, scan_images(folder / "two", {.seed = 2}, 1).fingerprint());
    write_file(folder / "two/cat/00.jpg", "other");
    EXPECT_NE(one, scan_images(folder / "two", {}, 1).fingerprint());
}

/// Scans until the cache believes what it has seen: a file that changed a moment ago is not relied on.
void scan_until_remembered(const fs::path& folder, const fs::path& cache, std::size_t files) {
    for (;;) {
        scan_images(folder, {}, 2, cache);
        if (fs::exists(cache) && nlohmann::json::parse(read_file(cache)).at("files").size() == files) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

TEST(FingerprintCache, SparesTheReadingOfWhatHasNotChanged) {
    TemporaryFolder folder;
    write_class(folder / "images", "cat", 2);
    write_class(folder / "images", "dog", 2);
    const fs::path cache = folder / "fingerprints.json";
    scan_until_remembered(folder / "images", cache, 4);
    nlohmann::json remembered = nlohmann::json::parse(read_file(cache));
    for (auto& [path, entry] : remembered.at("files").items()) entry.back() = "not the content's, but " + path;
    write_file(cache, remembered.dump());
    EXPECT_THAT(scan_images(folder / "images", {}, 2, cache).images[0].fingerprint, HasSubstr("not the content's"));
}

TEST(FingerprintCache, SeesNewContentOfTheSameSizeAndTime) {
    TemporaryFolder folder;
    write_class(folder / "images", "cat", 2);
    write_class(folder / "images", "dog", 2);
    const fs::path cat = folder / "images/cat/00.jpg", dog = folder / "images/dog/00.jpg", cache = folder / "cache";
    ASSERT_EQ(fs::file_size(cat), fs::file_size(dog));
    const auto old = fs::file_time_type::clock::now() - std::chrono::hours(1);
    for (const fs::path& path : {cat, dog}) fs::last_write_time(path, old);
    scan_until_remembered(folder / "images", cache, 4);
    const Dataset before = scan_images(folder / "images", {}, 2, cache);
    fs::rename(cat, folder / "third");  // two files change places, as labels that are put right do
    fs::rename(dog, cat);
    fs::rename(folder / "third", dog);
    const Dataset after = scan_images(folder / "images", {}, 2, cache);
    EXPECT_EQ(after.images[0].fingerprint, before.images[2].fingerprint);
    EXPECT_EQ(after.images[2].fingerprint, before.images[0].fingerprint);
    scan_until_remembered(folder / "images", cache, 4);
    write_file(folder / "images/cat/01.jpg", read_file(folder / "images/dog/01.jpg"));
    fs::last_write_time(folder / "images/cat/01.jpg", old);
    EXPECT_EQ(scan_images(folder / "images", {}, 2, cache).images[1].fingerprint, after.images[3].fingerprint);
}

TEST(FingerprintCache, ReadsFilesAnewWhoseTimeIsAnother) {
    TemporaryFolder folder;
    write_class(folder / "images", "cat", 2);
    write_class(folder / "images", "dog", 2);
    const fs::path image = folder / "images/cat/00.jpg", cache = folder / "fingerprints.json";
    const auto old = fs::file_time_type::clock::now() - std::chrono::hours(1);
    const auto scan = [&] { return scan_images(folder / "images", {}, 2, cache).images[0].fingerprint; };
    fs::last_write_time(image, old);
    scan_until_remembered(folder / "images", cache, 4);
    const std::string first = scan();
    std::string changed = read_file(image);
    changed[0] = '?';
    write_file(image, changed);
    fs::last_write_time(image, old + std::chrono::seconds(1));
    EXPECT_NE(scan(), first);
}

TEST(FingerprintCache, IsIgnoredWhereItIsDamaged) {
    TemporaryFolder folder;
    write_class(folder / "images", "cat", 2);
    write_class(folder / "images", "dog", 2);
    const Dataset expected = scan_images(folder / "images", {}, 2);
    for (const char* damage :
         {"", "{", "{\"files\": [1, 2]}", "{\"files\": {\"/a\": [1, 2, \"an older thaw's\"]}}", "\xFF\xFE"}) {
        write_file(folder / "cache", damage);
        EXPECT_EQ(scan_images(folder / "images", {}, 2, folder / "cache").fingerprint(), expected.fingerprint());
    }
}

TEST(DatasetFile, ReadsBackAsItWas) {
    TemporaryFolder folder;
    write_class(folder / "images/train", "chat \"noir\"", 4);
    write_class(folder / "images/train", "été", 4);
    write_stub(folder / "images/test/x.jpg");
    const Dataset dataset = scan_images(folder / "images", {}, 2);
    write_dataset(folder / "dataset.json", dataset);
    const Dataset read = read_dataset(folder / "dataset.json");
    EXPECT_EQ(read.folder, dataset.folder);
    EXPECT_EQ(read.classes, dataset.classes);
    ASSERT_EQ(read.images.size(), dataset.images.size());
    EXPECT_EQ(read.images.back().path, "test/x.jpg");
    EXPECT_EQ(read.images.back().label, -1);
    EXPECT_EQ(read.fingerprint(), dataset.fingerprint());
    write_file(folder / "dataset.json", "{\"folder\": 1}");
    EXPECT_THROW(read_dataset(folder / "dataset.json"), StageError);
}

}  // namespace
}  // namespace thaw
