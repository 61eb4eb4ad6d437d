// Files that torchvision itself wrote, read and fitted; tests/parity/state_dicts.py writes them and calls this.
#include <gtest/gtest.h>

#include <cstdlib>

#include "common/backbones/backbones.hpp"
#include "tests/worker/network/filled_tensors.hpp"
#include "worker/weights/fit_weights.hpp"

namespace thaw {
namespace {

TEST(StateDict, HasEveryTensorOfItsNetworkBitForBit) {
    const char* path = std::getenv("THAW_STATE_DICT");
    const char* name = std::getenv("THAW_STATE_DICT_OF");
    if (!path || !name) GTEST_SKIP() << "tests/parity/state_dicts.py says which file";
    const LayerGraph graph = build_backbone(name, find_backbone(name).default_image_size, PaddingStyle::symmetric);
    const TensorMap found = fit_weights(graph, read_weights_file(path), path);
    for (const auto& [tensor, expected] : filled_tensors(graph)) {
        ASSERT_TRUE(found.contains(tensor)) << tensor;
        EXPECT_EQ(found.at(tensor).shape, expected.shape) << tensor;
        EXPECT_TRUE(found.at(tensor).values == expected.values) << tensor;
    }
}

}  // namespace
}  // namespace thaw
