#include "common/trial/precision.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/util/error.hpp"

namespace thaw {
namespace {

TEST(Precision, ReadsTheNamesItWrites) {
    for (const Precision precision : {Precision::float32, Precision::bfloat16})
        EXPECT_EQ(parse_precision(to_string(precision)), precision);
    EXPECT_EQ(parse_precision("bf16"), Precision::bfloat16);
}

TEST(Precision, IsMarkedWhereItIsNotTheUsualOne) {
    EXPECT_EQ(precision_mark(Precision::float32), "");
    EXPECT_EQ(precision_mark(Precision::bfloat16), " (bf16)");
}

TEST(Precision, AnUnknownNameIsAnErrorThatNamesTheNearest) {
    EXPECT_THAT(
        [] { parse_precision("bf8"); },
        testing::ThrowsMessage<UserError>(testing::HasSubstr("unknown precision 'bf8' (did you mean 'bf16'?)")));
}

}  // namespace
}  // namespace thaw
