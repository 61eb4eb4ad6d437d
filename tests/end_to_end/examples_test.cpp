// Every file in sweeps/ is something that a reader can run: it is read, expanded and planned, on made-up photos in the
// folders that the files name, with random weights in place of those that a test machine does not have.
#include <sstream>

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

/// The sweep with `weights: random`, whatever stood there, on one line or on several.
std::string with_random_weights(const fs::path& file) {
    std::ifstream in(file);
    std::string text = "weights: random\n", line;
    for (bool of_weights = false; std::getline(in, line);) {
        of_weights = line.starts_with("weights:") || (of_weights && line.starts_with(" "));
        if (!of_weights) text += line + "\n";
    }
    return text;
}

class Examples : public EndToEnd, public testing::WithParamInterface<fs::path> {
  protected:
    /// data/pokemon10 and data/cats_dogs: a folder a class; data/cats_vs_dogs: train, val, and a test without classes.
    void draw_photos() {
        const fs::path shapes = folder_ / "shapes", data = folder_ / "data";
        const auto copy = [&](const char* shape, const fs::path& to) {
            fs::create_directories((data / to).parent_path());
            fs::copy(shapes / shape, data / to, fs::copy_options::recursive);
        };
        fs::create_directory(data);
        fs::copy(shapes, data / "pokemon10", fs::copy_options::recursive);
        for (const char* part : {"cats_dogs", "cats_vs_dogs/train", "cats_vs_dogs/val"}) {
            copy("circle", fs::path(part) / "cats");
            copy("square", fs::path(part) / "dogs");
        }
        copy("circle", "cats_vs_dogs/test/photos");
    }
};

TEST_P(Examples, AreReadExpandedAndPlanned) {
    draw_photos();
    ::setenv("THAW_DATA", (folder_ / "data").c_str(), 1);
    const fs::path file = folder_ / GetParam().filename();
    std::ofstream(file) << with_random_weights(GetParam());
    const Ended ended = thaw({"plan", file.string(), "--runs", (folder_ / "runs").string()});
    EXPECT_EQ(ended.exit_code, 0) << ended.errors;
    EXPECT_THAT(ended.output, testing::HasSubstr("trials")) << ended.output;
}

INSTANTIATE_TEST_SUITE_P(Sweeps, Examples, testing::ValuesIn(example_files()),
                         [](const auto& example) { return example.param.stem().string(); });

}  // namespace
}  // namespace thaw
