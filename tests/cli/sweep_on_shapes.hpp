// Sweeps over drawn images that run in this process: over a local channel, with a real worker on a thread.
#pragma once

#include <gmock/gmock.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>

#include "cli/sweep_run.hpp"
#include "results/query/query.hpp"
#include "tests/end_to_end/thaw_process.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/worker.hpp"

namespace thaw {

/// Passes everything on, and asks for a stop when it has seen so many epochs.
class StoppingChannel : public Channel {
  public:
    StoppingChannel(Channel& channel, std::atomic<bool>& stop, int epochs)
        : channel_(channel), stop_(stop), epochs_(epochs) {}
    int size() const override { return channel_.size(); }
    void send(int to, const Message& message) override { channel_.send(to, message); }
    std::optional<Envelope> receive(std::chrono::milliseconds timeout) override {
        auto envelope = channel_.receive(timeout);
        if (envelope && std::holds_alternative<EpochDone>(envelope->message) && --epochs_ == 0) stop_ = true;
        return envelope;
    }

  private:
    Channel& channel_;
    std::atomic<bool>& stop_;
    int epochs_;
};

class SweepOnShapes : public testing::Test {
  protected:
    void SetUp() override { draw_shapes(folder / "shapes", 8, 32); }
    SweepOptions options(const std::string& axes) {
        const std::filesystem::path file = folder / "sweep.yaml";
        std::ofstream(file) << "name: test\ndata: {folder: shapes}\nweights: random\nimage_size: 32\nbatch_size: 8\n"
                            << axes;
        SweepOptions options;
        options.file = file.string();
        options.runs = (folder / "runs").string();
        options.command_line = "thaw run sweep.yaml";
        options.threads = 1;
        options.quiet = true;
        return options;
    }
    /// Runs it with one worker; after so many epochs it is asked to stop, 0: never.
    int run(const SweepOptions& wanted, int epochs = 0) {
        const ChannelEnds ends = make_local_channel(1);
        std::jthread worker([&] { serve(*ends.workers[0], {}); });
        std::atomic<bool> stop{false};
        StoppingChannel channel(*ends.coordinator, stop, epochs);
        SweepRun sweep(wanted, channel, stop);
        try {
            return sweep.execute();
        } catch (...) {
            if (!sweep.workers_are_gone()) dismiss_workers(channel, Stop{}, usual_patience());
            throw;
        }
    }
    std::filesystem::path database() const { return folder / "runs/test/results.db"; }
    std::string query(const std::string& sql) {
        std::string text = run_query(database(), {.query = sql, .format = TableFormat::csv});
        return text.substr(text.find('\n') + 1);
    }
    std::string report() const { return text_of(folder / "runs/test/report.md"); }

    TemporaryFolder folder;
};

}  // namespace thaw
