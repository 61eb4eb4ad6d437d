// Who is taken for dead, and when: on a clock that the test moves.
#include "common/util/silence.hpp"

#include <gtest/gtest.h>

namespace thaw {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SilenceTest : public testing::Test {
  protected:
    /// Lets that time pass with a look every 100 ms; the first that is found silent.
    std::optional<int> pass(milliseconds time, const std::vector<int>& heard) {
        for (const auto end = now_ + time; now_ < end;) {
            now_ += milliseconds(100);
            for (const int party : heard) silence_.heard(party, now_);
            if (const auto found = silence_.look(now_)) return found;
        }
        return std::nullopt;
    }
    Silence::Time now_{};
    Silence silence_{3, seconds(10), now_};
};

TEST_F(SilenceTest, NobodyWhoIsHeardOfIsTakenForDead) {
    EXPECT_EQ(pass(seconds(100), {0, 1, 2}), std::nullopt);
}

TEST_F(SilenceTest, WhoIsSilentForLongerThanThePatienceIs) {
    EXPECT_EQ(pass(seconds(10), {0, 2}), std::nullopt);
    EXPECT_EQ(pass(seconds(1), {0, 2}), 1);
}

TEST_F(SilenceTest, OfSeveralTheOneThatWasSilentForLongestIsNamed) {
    EXPECT_EQ(pass(seconds(3), {0, 1}), std::nullopt);
    EXPECT_EQ(pass(seconds(9), {0}), 2);
}

TEST_F(SilenceTest, TimeInWhichTheListenerDidNotRunDoesNotCount) {
    EXPECT_EQ(pass(seconds(9), {0, 2}), std::nullopt);
    now_ += seconds(1000);  // stopped by a terminal
    EXPECT_EQ(pass(milliseconds(900), {0, 2}), std::nullopt);
    EXPECT_EQ(pass(milliseconds(300), {0, 2}), 1);
}

TEST(Patience, IsThirtySecondsUnlessTheEnvironmentSaysOtherwise) {
    EXPECT_EQ(usual_patience(), seconds(30));
    ::setenv("THAW_PATIENCE", "2.5", 1);
    EXPECT_EQ(usual_patience(), milliseconds(2500));
    ::setenv("THAW_PATIENCE", "soon", 1);
    EXPECT_EQ(usual_patience(), seconds(30));
    ::unsetenv("THAW_PATIENCE");
}

}  // namespace
}  // namespace thaw
