// Databases that cannot be read: what each command says of them, and that none changes a byte.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <map>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "results/export/export_optuna.hpp"
#include "results/export/export_rows.hpp"
#include "results/export/export_tensorboard.hpp"
#include "results/query/query.hpp"
#include "results/query/status.hpp"
#include "results/report/report.hpp"
#include "tests/results/synthetic.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::HasSubstr;

class RefusalTest : public testing::Test {
  protected:
    RefusalTest() {
        Store store(path, Journal::rollback);  // all in one file
        const std::vector<Trial> trials = synthetic_trials(300);
        store.begin_sweep(synthetic_sweep(), trials);
        store.together([&] {
            for (const Trial& trial : trials) finish(store, trial, 2);
        });
        store.end_sweep(RunOutcome::ok);
    }

    /// Every command that reads results, into a folder of its own.
    std::map<std::string, std::function<void()>> commands() {
        const auto other = folder / "out";
        fs::create_directories(other);
        return {{"query", [this] { run_query(path, {}); }},
                {"query SQL", [this] { run_query(path, {.query = "SELECT * FROM epochs ORDER BY validation_loss"}); }},
                {"status", [this] { load_status(path); }},
                {"report", [=, this] { write_report(path, other / "report.html", other / "report.md"); }},
                {"export csv", [=, this] { export_rows(open_results(path), other / "x.csv", TableFormat::csv, true); }},
                {"export tensorboard", [=, this] { export_tensorboard(open_results(path), other / "events"); }},
                {"export optuna", [=, this] { export_optuna(open_results(path), other / "study.db"); }}};
    }

    /// "" where it succeeds.
    static std::string message_of(const std::function<void()>& command) {
        try {
            command();
            return "";
        } catch (const UserError& error) {
            return error.what();
        }
    }

    /// Each file beside the results, and what it holds.
    std::map<std::string, std::string> bytes() {
        std::map<std::string, std::string> files;
        for (const auto& entry : fs::directory_iterator(path.parent_path()))
            files[entry.path().filename()] = read_file(entry.path());
        return files;
    }

    template <typename Matcher>
    void expect_all_to_say(const Matcher& matcher) {
        const auto before = bytes();
        for (const auto& [name, command] : commands()) EXPECT_THAT(message_of(command), matcher) << name;
        EXPECT_EQ(bytes(), before) << "something was written";
        EXPECT_TRUE(fs::is_empty(folder / "out")) << "a half of an answer is left";
    }

    static fs::path made(const fs::path& run) {
        fs::create_directories(run);
        return run;
    }

    TemporaryFolder folder;
    fs::path path = made(folder / "run") / "results.db";
};

TEST_F(RefusalTest, AFileThatIsCutShort) {
    const std::string whole = read_file(path);
    for (const double part : {0.02, 0.3, 0.6}) {
        write_file(path, whole.substr(0, static_cast<std::size_t>(part * static_cast<double>(whole.size()))));
        expect_all_to_say(
            AnyOf(HasSubstr("is damaged, cut short or overwritten"), HasSubstr("not a results database")));
    }
}

TEST_F(RefusalTest, AFileOfSomethingElse) {
    write_file(path, "<html>" + std::string(9000, ' ') + "</html>");
    expect_all_to_say(HasSubstr(path.string() + " is not a results database; move it away"));
}

TEST_F(RefusalTest, AnEmptyFile) {
    write_file(path, "");
    expect_all_to_say(HasSubstr("holds no results yet; has `thaw run` been started?"));
}

TEST_F(RefusalTest, ADatabaseOfAnotherProgram) {
    fs::remove(path);
    Database(path, Database::Mode::write).execute("CREATE TABLE songs (name TEXT); INSERT INTO songs VALUES ('x')");
    expect_all_to_say(HasSubstr("is a database of another program; move it away"));
}

TEST_F(RefusalTest, ANewerSchema) {
    Database(path, Database::Mode::write).execute("PRAGMA user_version = 99");
    expect_all_to_say(HasSubstr("was written by a newer thaw (schema 99, this one knows"));
}

TEST_F(RefusalTest, AFileThatIsNotThere) {
    fs::remove(path);
    expect_all_to_say(HasSubstr("`thaw run SWEEP.yaml` makes them"));
}

TEST_F(RefusalTest, AFileThatMayNotBeRead) {
    if (::geteuid() == 0) GTEST_SKIP() << "root may read anything";
    ::chmod(path.c_str(), 0);
    for (const auto& [name, command] : commands())
        EXPECT_THAT(message_of(command), HasSubstr("writable for you")) << name;
}

TEST_F(RefusalTest, AFileThatAnotherProgramHasLocked) {
    Database other(path, Database::Mode::write);
    other.execute("BEGIN EXCLUSIVE");
    const auto before = read_file(path);
    std::map<std::string, std::future<std::string>> answers;  // side by side: each waits for a while
    for (const auto& [name, command] : commands())
        answers[name] = std::async(std::launch::async, [run = command] { return message_of(run); });
    for (auto& [name, answer] : answers)
        EXPECT_THAT(answer.get(), HasSubstr("is locked by another program (database is locked); close it there"))
            << name;
    EXPECT_EQ(read_file(path), before);
    EXPECT_TRUE(fs::is_empty(folder / "out"));
}

TEST_F(RefusalTest, ReadsWhatMayOnlyBeReadAndLeavesItSo) {
    ::chmod(path.c_str(), 0444);
    ::chmod(path.parent_path().c_str(), 0555);
    const auto before = bytes();
    for (const auto& [name, command] : commands()) EXPECT_EQ(message_of(command), "") << name;
    EXPECT_EQ(bytes(), before);
    ::chmod(path.parent_path().c_str(), 0755);
}

}  // namespace
}  // namespace thaw
