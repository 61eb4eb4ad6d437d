// `thaw features` and `thaw predict --backbone` on photos given by hand.
#include <cstring>

#include "tests/end_to_end/fixture.hpp"

namespace thaw {
namespace {

using testing::HasSubstr;

class Photos : public EndToEnd {
  protected:
    Words features_command(const Words& photos, const std::string& out, const Words& more = {}) const {
        Words words = command({"features", "--backbone", "mobilenet_v2", "--weights", "random", "--image-size", "40",
                               "-o", (folder_ / out).string()});
        words.insert(words.end(), more.begin(), more.end());
        words.insert(words.end(), photos.begin(), photos.end());
        return words;
    }
    std::string photo(const std::string& name) const { return (folder_ / "shapes" / name).string(); }
    /// Of an .npy file: the header's text, and the values.
    std::pair<std::string, std::vector<float>> array(const std::string& out) const {
        const std::string bytes = text_of(folder_ / out);
        EXPECT_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
        const std::size_t header = static_cast<unsigned char>(bytes[8]) + 256u * static_cast<unsigned char>(bytes[9]);
        EXPECT_EQ((10 + header) % 64, 0u) << "so that values are aligned";
        std::vector<float> values((bytes.size() - 10 - header) / sizeof(float));
        std::memcpy(values.data(), bytes.data() + 10 + header, values.size() * sizeof(float));
        return {bytes.substr(10, header), values};
    }
};

TEST_F(Photos, OfAFolderBecomeRowsInTheOrderOfTheirNames) {
    const Ended ended = call(features_command({(folder_ / "shapes").string()}, "all.npy"));
    ASSERT_EQ(ended.exit_code, 0) << ended.errors;
    const auto [header, values] = array("all.npy");
    EXPECT_THAT(header, HasSubstr("'descr': '<f4', 'fortran_order': False, 'shape': (36, 1280,)"));
    ASSERT_EQ(values.size(), 36u * 1280);
    std::istringstream names(text_of(folder_ / "all.npy.txt"));
    std::string first, second;
    std::getline(names, first);
    std::getline(names, second);
    EXPECT_EQ(first, photo("circle/00.png"));
    EXPECT_EQ(second, photo("circle/01.png"));
    // Whoever goes beside it, a photo's values are the same.
    ASSERT_EQ(call(features_command({second}, "one.npy")).exit_code, 0);
    const auto one = array("one.npy").second;
    EXPECT_EQ(std::vector<float>(values.begin() + 1280, values.begin() + 2560), one);
}

TEST_F(Photos, GiveMapsOfALayerInsideABlockToo) {
    const Words photos = {photo("circle/00.png")};
    for (const auto& [layer, shape] : {std::pair{"features.14", "(1, 160, 2, 2,)"},
                                       std::pair{"features.15.conv.0.1", "(1, 960, 2, 2,)"}, std::pair{"50", "(1, "}}) {
        const Ended ended = call(features_command(photos, "map.npy", {"--until", layer, "--pooling", "none"}));
        ASSERT_EQ(ended.exit_code, 0) << ended.errors;
        EXPECT_THAT(array("map.npy").first, HasSubstr(std::string("'shape': ") + shape)) << layer;
    }
}

TEST_F(Photos, ThatAreDamagedOrMissingAreNamedAndNothingIsWritten) {
    std::ofstream(photo("bad.png")) << text_of(photo("circle/00.png")).substr(0, 200);
    const std::pair<std::string, int> cases[] = {{photo("bad.png"), 2}, {photo("nowhere.png"), 2}};
    for (const auto& [path, exit_code] : cases) {
        const Ended ended = call(features_command({path}, "none.npy"));
        EXPECT_EQ(ended.exit_code, exit_code);
        EXPECT_THAT(ended.errors, HasSubstr(path));
        EXPECT_FALSE(std::filesystem::exists(folder_ / "none.npy"));
    }
    EXPECT_THAT(call(features_command({photo("circle/00.png")}, "none.txt")).errors, HasSubstr(".npy or .safetensors"));
}

TEST_F(Photos, AreNotClassifiedByWeightsThatKnowNoClasses) {
    const Ended ended = thaw({"predict", "--backbone", "resnet18", "--weights", "random", photo("circle/00.png")});
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_THAT(ended.errors, HasSubstr("random weights know no classes"));
}

}  // namespace
}  // namespace thaw
