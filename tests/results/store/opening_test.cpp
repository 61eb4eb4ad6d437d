// Opening a results database that is locked, unreadable, foreign, damaged or too new.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "results/query/query.hpp"
#include "results/store/store.hpp"
#include "results/store/writer_lock.hpp"
#include "tests/results/synthetic.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// Root may write anywhere, so these tests act as somebody else.
class AsNobody {
  public:
    AsNobody() { was_root_ = ::geteuid() == 0 && ::seteuid(65534) == 0; }
    ~AsNobody() {
        if (was_root_ && ::seteuid(0) != 0) std::abort();
    }

  private:
    bool was_root_ = false;
};

class OpeningTest : public testing::Test {
  protected:
    TemporaryFolder folder;
    std::filesystem::path path = folder / "results.db";

    void make_results() {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), synthetic_trials(200));
        for (const Trial& trial : synthetic_trials(200)) finish(store, trial);
        store.end_sweep(RunOutcome::ok);
    }
    std::function<void()> opening() {
        return [this] { Store store(path); };
    }
    std::function<void()> querying() {
        return [this] { run_query(path, {}); };
    }
};

TEST_F(OpeningTest, SaysWhichProcessIsWriting) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        Store store(path);
        [[maybe_unused]] const auto written = ::write(ready[1], "x", 1);
        ::pause();
        ::_exit(0);
    }
    char byte;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    EXPECT_THAT(opening(), ThrowsMessage<UserError>(HasSubstr(fmt::format("process {} on", child))));
    EXPECT_THAT(current_writer(path).value_or(""), HasSubstr(fmt::format("{}", child)));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    EXPECT_EQ(current_writer(path), std::nullopt);
    EXPECT_NO_THROW(Store store(path)) << "the lock ends with its process";
}

TEST_F(OpeningTest, KeepsTwoStoresOfOneProcessApart) {
    Store store(path);
    EXPECT_THAT(opening(), ThrowsMessage<UserError>(HasSubstr("another thaw run")));
}

TEST_F(OpeningTest, RefusesAFolderThatIsReadOnlyOrMissing) {
    ::chmod(folder.path().c_str(), 0555);
    {
        AsNobody nobody;
        EXPECT_THAT(opening(), ThrowsMessage<UserError>(AllOf(HasSubstr("results.db"), HasSubstr("writable"))));
    }
    ::chmod(folder.path().c_str(), 0755);
    path = folder / "missing/results.db";
    EXPECT_THAT(opening(), ThrowsMessage<UserError>(HasSubstr("No such file")));
}

TEST_F(OpeningTest, ReadsResultsInAFolderThatIsReadOnly) {
    make_results();
    ::chmod(folder.path().c_str(), 0555);
    AsNobody nobody;
    EXPECT_THAT(run_query(path, {}), HasSubstr("200 trials: 200 finished"));
}

TEST_F(OpeningTest, RefusesAFileThatIsReadOnly) {
    make_results();
    ::chmod(folder.path().c_str(), 0777);
    ::chmod(path.c_str(), 0444);
    ::chmod((path.string() + ".lock").c_str(), 0666);
    AsNobody nobody;
    EXPECT_THAT(opening(), ThrowsMessage<UserError>(HasSubstr("read-only")));
}

TEST_F(OpeningTest, RefusesAFileOfAnotherKind) {
    write_file(path, std::string(5000, 'x'));
    EXPECT_THAT(opening(), ThrowsMessage<UserError>(HasSubstr("not a results database")));
    EXPECT_THAT(querying(), ThrowsMessage<UserError>(HasSubstr("not a results database")));
    EXPECT_EQ(read_file(path), std::string(5000, 'x')) << "and leaves it as it was";
}

TEST_F(OpeningTest, RefusesADatabaseOfAnotherProgram) {
    Database(path, Database::Mode::write).execute("CREATE TABLE songs (name TEXT)");
    EXPECT_THAT(opening(), ThrowsMessage<UserError>(HasSubstr("another program")));
    EXPECT_THAT(querying(), ThrowsMessage<UserError>(HasSubstr("another program")));
}

TEST_F(OpeningTest, RefusesANewerSchema) {
    make_results();
    Database(path, Database::Mode::write).execute("PRAGMA user_version = 99");
    EXPECT_THAT(opening(), ThrowsMessage<UserError>(HasSubstr("newer thaw (schema 99")));
    EXPECT_THAT(querying(), ThrowsMessage<UserError>(HasSubstr("newer thaw (schema 99")));
}

TEST_F(OpeningTest, RefusesAFileThatIsCutShortAnywhere) {
    make_results();
    const auto bytes = std::filesystem::file_size(path);
    const std::string whole = read_file(path);
    for (const auto length : {bytes - 4096, bytes / 2, std::uintmax_t{5000}, std::uintmax_t{50}}) {
        write_file(path, whole.substr(0, length));
        EXPECT_THROW(Store store(path), UserError) << length << " of " << bytes;
    }
}

TEST_F(OpeningTest, RefusesAFileWithOverwrittenPages) {
    make_results();
    {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(3 * 4096);
        file << std::string(4096, '\x5a');
    }
    EXPECT_THAT(opening(), ThrowsMessage<UserError>(HasSubstr("damaged")));
}

TEST_F(OpeningTest, StartsAnewInAnEmptyFile) {
    write_file(path, "");
    EXPECT_THAT(querying(), ThrowsMessage<UserError>(HasSubstr("no results yet")));
    EXPECT_NO_THROW(Store store(path));
}

TEST_F(OpeningTest, SaysHowToMakeResultsThatAreNotThere) {
    EXPECT_THAT(querying(), ThrowsMessage<UserError>(HasSubstr("thaw run SWEEP.yaml")));
    EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace thaw
