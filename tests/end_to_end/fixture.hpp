// What the end-to-end tests have in common: a folder with shapes, sweep files and runs of their own.
#pragma once

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <thread>

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
    /// The command on so many ranks.
    static Words on_ranks(int ranks, const Words& command) {
        Words words = {THAW_SOURCE_DIR "/tests/support/mpirun", std::to_string(ranks)};
        words.insert(words.end(), command.begin(), command.end());
        return words;
    }
    /// `thaw run` on so many ranks of one thread each.
    Words world_command(int ranks, const std::string& file, const std::string& runs) const {
        return on_ranks(ranks,
                        command({"run", file, "--quiet", "--threads", "1", "--runs", (folder_ / runs).string()}));
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
        return rows;
    }
    std::string results(const std::string& runs = "runs") { return query(kAllResults, runs); }
    /// How many epochs of training the results have so far, also while they are written to.
    int epochs_done(const std::string& runs = "runs") const {
        sqlite3* database = nullptr;
        sqlite3_stmt* query = nullptr;
        int count = 0;
        const std::filesystem::path file = folder_ / runs / "test" / "results.db";
        if (sqlite3_open_v2(file.c_str(), &database, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK &&
            sqlite3_prepare_v2(database, "SELECT count(*) FROM epochs", -1, &query, nullptr) == SQLITE_OK &&
            sqlite3_step(query) == SQLITE_ROW)
            count = sqlite3_column_int(query, 0);
        sqlite3_finalize(query);
        sqlite3_close(database);
        return count;
    }
    /// Waits for a moment in a run of about `epochs` epochs, after those that it has done; false where it ends before.
    /// Told by epochs, not by time: what else the machine does at the time does not move it.
    bool wait_for_moment(Process& process, const std::string& runs, int epochs, std::mt19937& random) const {
        const int before = epochs_done(runs), left = std::max(epochs - before, 1);
        const int wanted = before + static_cast<int>(random() % static_cast<unsigned>(left));
        while (process.running() && epochs_done(runs) < wanted)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        // Between an epoch and the next, or in what comes before the first.
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % (wanted == before ? 400 : 60)));
        return process.running();
    }
    std::filesystem::path cache(const std::string& runs = "runs") const { return folder_ / runs / ".cache"; }

    TemporaryFolder folder_;
};

/// Heads, tails from a block on, and trials that differ only in epochs: 12 trials.
inline constexpr const char* kMixedAxes =
    "backbone: mobilenet_v2\nfreeze: [all, features.15]\nhead: [none, \"16\"]\ndropout: 0.3\n"
    "learning_rate: [1e-3, 1e-2]\nepochs: [1, 3]\n"
    "when:\n  - if: {freeze: features.15}\n    then: {learning_rate: 1e-3}\n";

}  // namespace thaw
