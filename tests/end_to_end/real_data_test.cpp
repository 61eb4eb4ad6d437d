// Real photos and real weights: the accuracy that they are known to reach.
#include "tests/end_to_end/fixture.hpp"

namespace thaw {
namespace {

TEST(RealData, FrozenMobileNetTellsPhotosApart) {
    const std::filesystem::path shared = std::filesystem::path(THAW_SOURCE_DIR) / "../shared";
    const std::filesystem::path photos = shared / "data/hymenoptera", weights = shared / "weights";
    if (!std::filesystem::is_directory(photos) || !std::filesystem::is_directory(weights))
        GTEST_SKIP() << "neither photos nor weights in " << shared;
    TemporaryFolder folder;
    std::ofstream(folder / "real.yaml") << "name: real\ndata: {folder: " << std::filesystem::canonical(photos).string()
                                        << "}\nbackbone: mobilenet_v2\nimage_size: 96\nfreeze: all\n"
                                        << "head: [none, \"128\"]\nlearning_rate: 1e-3\nepochs: 8\n";
}

}  // namespace
}  // namespace thaw
