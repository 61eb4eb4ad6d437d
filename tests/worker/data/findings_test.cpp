// What is said of a data set: copies, contradictions, gaps and changes.
#include "worker/data/findings.hpp"

#include <gmock/gmock.h>

#include "tests/support/temporary_folder.hpp"
#include "tests/worker/data/test_images.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Dataset scan(const fs::path& folder, const SplitOptions& options = {}) {
    return scan_images(folder, options, 2);
}

TEST(Findings, AreNoneOfDataInOrder) {
    TemporaryFolder folder;
    write_class(folder.path(), "cat", 10);
    write_class(folder.path(), "dog", 10);
    EXPECT_THAT(findings(scan(folder.path())), IsEmpty());
    EXPECT_THAT(findings(scan(folder.path(), {.folds = 3})), IsEmpty());
}

TEST(Findings, CountWhatValidatesAndIsTrainedOnToo) {
    TemporaryFolder folder;
    for (const char* name : {"cat", "dog"}) {
        write_class(folder / "train", name, 8);
        write_class(folder / "val", name, 3);
        write_class(folder / "test", name, 1);
    }
    fs::copy_file(folder / "train/cat/05.jpg", folder / "val/cat/again.jpg");
    fs::copy_file(folder / "train/dog/01.jpg", folder / "val/dog/again.jpg");
    fs::copy_file(folder / "val/dog/00.jpg", folder / "test/dog/again.jpg");
    const Dataset dataset = scan(folder.path());
    EXPECT_EQ(dataset.count(Part::validation, 0), 8) << "folders stay as they are";
    EXPECT_THAT(
        findings(dataset),
        ElementsAre(
            "2 of 8 validation images are also in the training set (same content), so that the validation accuracy is "
            "too "
            "high: val/cat/again.jpg is train/cat/05.jpg, val/dog/again.jpg is train/dog/01.jpg",
            "1 of 3 test images is also in the validation set (same content), so that the test accuracy is too high: "
            "test/dog/again.jpg is val/dog/00.jpg"));
    const auto copies = trained_copies(dataset);
    ASSERT_EQ(copies.size(), 2u);
    EXPECT_EQ(dataset.images[copies.begin()->first].path, "val/cat/again.jpg");
    EXPECT_EQ(copies.begin()->second, "train/cat/05.jpg");
}

TEST(Findings, NameImagesUnderTwoClassesAndCopies) {
    TemporaryFolder folder;
    write_class(folder.path(), "cat", 10);
    write_class(folder.path(), "dog", 10);
    fs::copy_file(folder / "cat/01.jpg", folder / "dog/x.jpg");
    const auto said = findings(scan(folder.path()));
    ASSERT_EQ(said.size(), 2u);
    EXPECT_EQ(said[0],
              "1 image is a copy of another in the same part, where the split keeps them together: dog/x.jpg is "
              "cat/01.jpg");
    EXPECT_EQ(said[1], "1 image stands under two classes, one of which is wrong: cat/01.jpg is dog/x.jpg");
}

TEST(Findings, NameClassesThatNothingValidates) {
    TemporaryFolder folder;
    for (const char* name : {"bird", "cat", "dog"}) write_class(folder / "train", name, 3);
    for (const char* name : {"cat", "dog"}) write_class(folder / "val", name, 2);
    EXPECT_THAT(findings(scan(folder.path())),
                ElementsAre("1 class has no validation images, so that the validation accuracy says nothing of it: "
                            "'bird'"));
}

TEST(Findings, NameGroupsThatFoldersTearApart) {
    TemporaryFolder folder;
    write_stubs(folder.path(), {"train/ill/p1_a.jpg", "train/ill/p2_a.jpg", "train/well/p3_a.jpg", "val/ill/p1_b.jpg",
                                "val/well/p4_a.jpg"});
    const auto said = findings(scan(folder.path(), {.group = "p([0-9]+)_"}));
    ASSERT_EQ(said.size(), 1u);
    EXPECT_THAT(said[0], HasSubstr("1 group lie in more than one part"));
}

TEST(Changes, AreNamedByPath) {
    TemporaryFolder folder;
    write_class(folder / "train", "cat", 4);
    write_class(folder / "train", "dog", 4);
    write_class(folder / "val", "dog", 4);
    const Dataset before = scan(folder.path());
    EXPECT_EQ(changes_text(before, scan(folder.path())), "");
    write_file(folder / "train/cat/01.jpg", "other");
    write_stub(folder / "train/dog/new.jpg");
    fs::remove(folder / "val/dog/02.jpg");
    EXPECT_EQ(changes_text(before, scan(folder.path())),
              "1 image has other content (train/cat/01.jpg); 1 image has come (train/dog/new.jpg); 1 image has gone "
              "(val/dog/02.jpg)");
}

}  // namespace
}  // namespace thaw
