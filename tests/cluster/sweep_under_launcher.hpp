// What tests of launchers have in common: a sweep with a middle, and what its ranks have done so far.
#pragma once

#include <gmock/gmock.h>

#include <chrono>
#include <functional>
#include <thread>

#include "tests/end_to_end/fixture.hpp"

namespace thaw {

/// One rank a trial: sums over several would round in another way than one process does.
inline const std::string kAlone = "ranks_per_trial: 1\n";

/// Tails for long enough that what is sent after their first epochs comes before their last, on a busy machine too.
inline const std::string kLongAxes =
    "backbone: mobilenet_v2\nfreeze: features.15\nhead: [none, \"16\"]\ndropout: 0.3\nepochs: [2, 36]\n" + kAlone;

class SweepUnderLauncher : public EndToEnd {
  protected:
    using Seconds = std::chrono::seconds;

    static bool wait_until(const std::function<bool()>& holds, Seconds at_most = Seconds(60)) {
        const auto end = std::chrono::steady_clock::now() + at_most;
        while (!holds()) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        return true;
    }
    /// Returns once so many epochs of training are in the results.
    void wait_for_epochs(int count) {
        ASSERT_TRUE(wait_until([&] { return epochs_done() >= count; }));
    }
    /// The processes of thaw that train in this test's folder.
    std::vector<pid_t> ranks() const {
        std::vector<pid_t> found;
        for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
            std::error_code gone;
            if (std::filesystem::read_symlink(entry.path() / "exe", gone) != THAW_PROGRAM "-engine") continue;
            if (text_of(entry.path() / "cmdline").find(folder_.path().string()) != std::string::npos)
                found.push_back(std::stoi(entry.path().filename()));
        }
        return found;
    }
    void send_to_ranks(int signal) const {
        for (const pid_t rank : ranks()) ::kill(rank, signal);
    }
    std::string undisturbed(const std::string& file) {
        const Ended ended = run(file, "expected");
        EXPECT_EQ(ended.exit_code, 0) << ended.errors;
        return results("expected");
    }
};

}  // namespace thaw
