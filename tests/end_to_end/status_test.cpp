// `thaw status` and `thaw query` from another process, while the real program runs.
#include <nlohmann/json.hpp>

#include "tests/end_to_end/fixture.hpp"

namespace thaw {
namespace {

class Status : public EndToEnd {
  protected:
    Ended ask(const Words& question) {
        Words words = question;
        words.insert(words.end(), {"--runs", (folder_ / "runs").string()});
        return thaw(words);
    }
};

TEST_F(Status, TellsHowFarARunIsAndWhatIsLeft) {
    const std::string file = sweep(
        "backbone: mobilenet_v2\nfreeze: features.15\nhead: [none, \"16\"]\n"
        "learning_rate: 1e-3\nepochs: 6\nseed: [1, 2]\n");
    std::filesystem::create_directories(folder_ / "console");  // what asks meanwhile prints into files of its own
    Process process(folder_ / "console", run_command(file, "runs"));
    while (process.running() && epochs_done() < 8) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    process.send(SIGSTOP);  // so that it does not end meanwhile
    const Ended ended = ask({"status", "test", "--json"});
    EXPECT_EQ(ended.exit_code, 0) << ended.errors;
    const auto status = nlohmann::json::parse(ended.output);
    EXPECT_EQ(status["state"], "running");
    EXPECT_EQ(status["trials"], 4);
    EXPECT_EQ(status["finished"].get<int>() + status["running"].get<int>() + status["waiting"].get<int>(), 4);
    EXPECT_EQ(status["process"].get<std::string>().find("process " + std::to_string(process.id()) + " on "), 0U);
    if (!status["seconds_left"].is_null()) {  // where nothing else slows the machine down
        EXPECT_GT(status["seconds_left"].get<double>(), 0);
        EXPECT_LT(status["seconds_left"].get<double>(), 1000);
    }
    EXPECT_EQ(ask({"query", "test", "--top", "3", "--csv"}).exit_code, 0);
    process.send(SIGCONT);
    EXPECT_EQ(process.wait().exit_code, 0) << "who asks does not disturb";
    const Ended after = ask({"status", "test"});
    EXPECT_NE(after.output.find("test: done"), std::string::npos) << after.output;
    EXPECT_NE(after.output.find("4 trials: 4 finished"), std::string::npos) << after.output;
    EXPECT_NE(ask({"query", "test"}).output.find("Means over seeds"), std::string::npos);
}

}  // namespace
}  // namespace thaw
