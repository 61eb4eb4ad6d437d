#include "worker/torch/device.hpp"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include "common/util/error.hpp"

namespace thaw {
namespace {

struct Device : testing::Test {
    ~Device() override { choose_device("cpu"); }
    const int gpus = static_cast<int>(torch::cuda::device_count());
};

TEST_F(Device, IsTheCpuUntilAnotherIsChosen) {
    EXPECT_FALSE(on_gpu());
    EXPECT_EQ(device_name(), "cpu");
}

TEST_F(Device, AutoTakesAGpuWhereThereIsOne) {
    choose_device("auto");
    EXPECT_EQ(on_gpu(), gpus > 0);
    choose_device("cpu");
    EXPECT_FALSE(on_gpu());
}

TEST_F(Device, RanksOfOneHostTakeOneGpuEach) {
    if (gpus == 0) GTEST_SKIP() << "no GPU here";
    for (int rank = 0; rank <= gpus; ++rank) {
        choose_device("cuda", rank);
        EXPECT_EQ(gpu_index(), rank % gpus);
    }
}

TEST_F(Device, AGpuThatIsNotThereIsWrongInputWithAWayOut) {
    if (gpus > 0) GTEST_SKIP() << "there is a GPU here";
    try {
        choose_device("cuda");
        FAIL() << "on a machine without a GPU";
    } catch (const UserError& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("--device cpu"));
    }
    EXPECT_THROW(choose_device("tpu"), UserError);
    EXPECT_FALSE(on_gpu());
}

}  // namespace
}  // namespace thaw
