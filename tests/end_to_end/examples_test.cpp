// Every file in sweeps/ is something that a reader can run: it is read, expanded and planned, on made-up photos in the
// folders that the files name, with random weights in place of those that a test machine does not have.
#include <algorithm>
#include <fstream>

#include "tests/end_to_end/fixture.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> example_files() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(THAW_SOURCE_DIR "/sweeps")) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

/// The sweep with weights that are not looked for, and with images and batches so small that the short measurements
/// behind a plan are short: keys of the file's top level, on one line or on several.
std::string made_small(const fs::path& file) {
    const std::vector<std::pair<std::string, std::string>> small = {
        {"weights:", "random"}, {"image_size:", "75"}, {"batch_size:", "2"}};
    std::ifstream in(file);
    std::string text, line;
    for (const auto& [key, value] : small) text.append(key).append(" ").append(value).append("\n");
    for (bool leaves_out = false; std::getline(in, line);) {
        const auto begins_line = [&](const auto& setting) { return line.starts_with(setting.first); };
        leaves_out = std::any_of(small.begin(), small.end(), begins_line) || (leaves_out && line.starts_with(" "));
        if (!leaves_out) text += line + "\n";
    }
    return text;
}

class Examples : public EndToEnd, public testing::WithParamInterface<fs::path> {
  protected:
    /// data/pokemon10 and data/cats_dogs: a folder a class; data/fashion: train and val; data/cats_vs_dogs: also a test
    /// without classes.
    void draw_photos() {
        const fs::path shapes = folder_ / "shapes", data = folder_ / "data";
        const auto copy = [&](const char* shape, const fs::path& to) {
            fs::create_directories((data / to).parent_path());
            fs::copy(shapes / shape, data / to, fs::copy_options::recursive);
        };
        fs::create_directory(data);
        fs::copy(shapes, data / "pokemon10", fs::copy_options::recursive);
        for (const char* part :
             {"cats_dogs", "cats_vs_dogs/train", "cats_vs_dogs/val", "fashion/train", "fashion/val"}) {
            copy("circle", fs::path(part) / "cats");
            copy("square", fs::path(part) / "dogs");
        }
        copy("circle", "cats_vs_dogs/test/photos");
    }
};

TEST_P(Examples, AreReadExpandedAndPlanned) {
    draw_photos();
    ::setenv("THAW_DATA", (folder_ / "data").c_str(), 1);
    const fs::path file = folder_ / "sweeps" / GetParam().filename();  // beside data/, as some files expect it
    fs::create_directory(file.parent_path());
    std::ofstream(file) << made_small(GetParam());
    const Ended ended = thaw({"plan", file.string(), "--runs", (folder_ / "runs").string()});
    EXPECT_EQ(ended.exit_code, 0) << ended.errors;
    EXPECT_THAT(ended.output, testing::HasSubstr("trials")) << ended.output;
}

INSTANTIATE_TEST_SUITE_P(Sweeps, Examples, testing::ValuesIn(example_files()),
                         [](const auto& example) { return example.param.stem().string(); });

}  // namespace
}  // namespace thaw
