// What the end-to-end tests have in common: a folder with shapes, sweep files and runs of their own.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include "tests/end_to_end/thaw_process.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {

/// Every trial's state, every epoch's numbers and the weights after it, bit for bit.
inline constexpr const char* kAllResults =
    "SELECT trials.id, state, epoch, quote(train_loss), quote(train_accuracy), quote(validation_loss),"
    " quote(validation_accuracy), epochs.weights FROM trials LEFT JOIN epochs ON trial = trials.id ORDER BY 1, 3";

class EndToEnd : public testing::Test {
  protected:
    void SetUp() override { draw_shapes(folder_ / "shapes"); }

    /// A sweep file over the shapes with random weights at 40 pixels; `axes` are further lines.
    std::string sweep(const std::string& axes, const std::string& data = "") {
        const std::filesystem::path file = folder_ / "sweep.yaml";
        std::ofstream(file) << "name: test\ndata: {folder: shapes" << data << "}\nweights: random\nimage_size: 40\n"
                            << "batch_size: 8\n"
                            << axes;
        return file.string();
    }
    Words command(const Words& arguments) const {
        Words words = {THAW_PROGRAM};
        words.insert(words.end(), arguments.begin(), arguments.end());
        return words;
    }
    Words run_command(const std::string& file, const std::string& runs, const Words& more = {}) const {
        Words words = command({"run", file, "--quiet", "--threads", "2", "--runs", (folder_ / runs).string()});
        words.insert(words.end(), more.begin(), more.end());
        return words;
    }
    Ended call(const Words& words) { return Process(folder_.path(), words).wait(); }
    Ended thaw(const Words& arguments) { return call(command(arguments)); }
    /// `thaw run` into the folder `runs`.
    Ended run(const std::string& file, const std::string& runs = "runs", const Words& more = {}) {
        return call(run_command(file, runs, more));
    }
    std::string query(const std::string& sql, const std::string& runs = "runs") {
        const Ended ended = thaw({"query", "test", sql, "--csv", "--runs", (folder_ / runs).string()});
        EXPECT_EQ(ended.exit_code, 0) << ended.errors;
        std::string rows = ended.output.substr(std::min(ended.output.size(), ended.output.find('\n') + 1));
        std::erase(rows, '\r');
        return rows;
    }
    std::string results(const std::string& runs = "runs") { return query(kAllResults, runs); }
    std::filesystem::path cache(const std::string& runs = "runs") const { return folder_ / runs / ".cache"; }

    TemporaryFolder folder_;
};

/// Heads, tails from a block on, and trials that differ only in epochs: 12 trials.
inline constexpr const char* kMixedAxes =
    "backbone: mobilenet_v2\nfreeze: [all, features.15]\nhead: [none, \"16\"]\ndropout: 0.3\n"
    "learning_rate: [1e-3, 1e-2]\nepochs: [1, 3]\n"
    "when:\n  - if: {freeze: features.15}\n    then: {learning_rate: 1e-3}\n";

}  // namespace thaw
