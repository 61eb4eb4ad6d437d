// The contract of Communicator, kept by NCCL on one GPU.
#include "tests/worker/communicator/communicator_contract.hpp"

namespace thaw {
namespace {

class NcclCommunicator : public testing::Test {
  protected:
    void SetUp() override {
        if (const std::string why = why_no_nccl(); !why.empty()) GTEST_SKIP() << why;
    }
    static std::unique_ptr<Communicator> alone(Precision bucket) {
        NcclOptions options;
        options.bucket = bucket;
        return make_nccl_communicator(std::move(make_local_communicators(1)[0]), options);
    }
};

TEST_F(NcclCommunicator, KeepsTheContract) {
    contract::all(*alone(Precision::float32));
}

TEST_F(NcclCommunicator, SumsInBfloat16WithEightBitsOfEachTerm) {
    const auto group = alone(Precision::bfloat16);
    std::vector<float> values = {1.0F, -3.0F, 1.00390625F, 1e30F};  // the third is 1 + 2^-8, a tie: to even
    group->all_reduce_sum(std::span<float>(values));
    EXPECT_EQ(values[0], 1.0F);
    EXPECT_EQ(values[1], -3.0F);
    EXPECT_EQ(values[2], 1.0F);
    EXPECT_NEAR(values[3] / 1e30F, 1.0F, 1.0F / 256);
    std::vector<double> exact = {1.00390625};
    group->all_reduce_sum(std::span<double>(exact));
    EXPECT_EQ(exact[0], 1.00390625);
}

}  // namespace
}  // namespace thaw
