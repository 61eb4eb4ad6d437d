// Queries: the default answer, names, SQL, the three formats, and everything that is refused.
#include "results/query/query.hpp"

#include <gmock/gmock.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "common/util/text.hpp"
#include "results/store/store.hpp"
#include "tests/results/synthetic.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using testing::ThrowsMessage;

class QueryTest : public testing::Test {
  protected:
    QueryTest() {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        for (int i = 0; i < 30; ++i) finish(store, trials[static_cast<std::size_t>(i)]);
        store.start_trial(trials[30].id, 0);
        store.fail_trial(trials[30].id, "out of memory");
    }
    std::string query(const std::string& text, TableFormat format = TableFormat::text) {
        return run_query(path, {.query = text, .format = format});
    }
    TemporaryFolder folder;
    std::filesystem::path path = folder / "results.db";
    std::vector<Trial> trials = synthetic_trials(32);
};

TEST_F(QueryTest, AnswersWithTheLeaderboardWhereNothingIsAsked) {
    const std::string answer = run_query(path, {.top = 2});
    EXPECT_THAT(answer,
                StartsWith("32 trials: 30 finished, 1 failed, 1 waiting\n"
                           "All with: weights imagenet, pooling avg, head 256-128, dropout 0.5, adam, batch size "
                           "16, epochs 8, seed 1, image size 224\n"));
    const std::string table = answer.substr(answer.find("\n\n") + 2);
    EXPECT_THAT(table, StartsWith("rank  backbone  freeze  learning rate  accuracy  best accuracy  in epoch"));
    EXPECT_THAT(table, HasSubstr("\n   1  resnet50  50"));
    EXPECT_THAT(table, HasSubstr("\n   2  "));
    EXPECT_THAT(table, Not(HasSubstr("\n   3  ")));
    EXPECT_EQ(leaderboard_text(path, 2), answer);
}

TEST_F(QueryTest, SaysSoWhereNothingHasFinished) {
    const std::filesystem::path other = folder / "other.db";
    {
        Store store(other);
        store.begin_sweep(synthetic_sweep(), trials);
    }
    EXPECT_THAT(run_query(other, {}),
                AllOf(HasSubstr("32 trials: 32 waiting"), HasSubstr("No trial has finished yet.")));
}

TEST_F(QueryTest, ShowsAViewByName) {
    EXPECT_THAT(query("backbone_comparison"), AllOf(StartsWith("backbone"), HasSubstr("resnet50")));
    EXPECT_THAT(query("failed_trials"), HasSubstr("out of memory"));
}

TEST_F(QueryTest, AlignsATableByWhatItsColumnsHold) {
    EXPECT_EQ(query("SELECT 'naïve' AS name, 7 AS n, 0.5 AS accuracy UNION ALL SELECT '日本', 1000, NULL ORDER BY 2;"),
              "name      n  accuracy\n"
              "naïve     7    0.5000\n"
              "日本   1000         –\n");
}

TEST_F(QueryTest, CutsLongCellsAndDisarmsControlCharacters) {
    const std::string answer =
        query("SELECT printf('%.60c', 'x') AS long, char(27) || '[31mred' || char(10) AS colour");
    EXPECT_THAT(answer, HasSubstr(std::string(39, 'x') + "…"));
    EXPECT_THAT(answer, Not(HasSubstr("\x1b")));
}

TEST_F(QueryTest, WritesCsvAsTheStandardSays) {
    EXPECT_EQ(query("SELECT 'a,b' AS x, 'say \"hi\"' AS \"y,z\", NULL AS n, 0.1 AS d, 3 AS i", TableFormat::csv),
              "x,\"y,z\",n,d,i\n\"a,b\",\"say \"\"hi\"\"\",,0.1,3\n");
}

TEST_F(QueryTest, WritesJsonThatAParserReadsBack) {
    const auto json = nlohmann::json::parse(query(
        "SELECT 1 AS a, 2 AS a, 0.1 AS d, NULL AS n, 9e999 AS inf, CAST(x'ff22' AS TEXT) AS t", TableFormat::json));
    ASSERT_EQ(json.size(), 1U);
    EXPECT_EQ(json[0]["a"], 1);
    EXPECT_EQ(json[0]["a_2"], 2);
    EXPECT_EQ(json[0]["d"], 0.1);
    EXPECT_TRUE(json[0]["n"].is_null() && json[0]["inf"].is_null());
    EXPECT_EQ(json[0]["t"], "\uFFFD\"");
    EXPECT_EQ(query("SELECT 1 WHERE 0", TableFormat::json), "[]\n");
}

TEST_F(QueryTest, GivesMachinesEveryColumnOfTheLeaderboard) {
    const auto json = nlohmann::json::parse(run_query(path, {.format = TableFormat::json}));
    ASSERT_EQ(json.size(), 20U);
    EXPECT_EQ(json[0]["rank"], 1);
    EXPECT_EQ(json[0]["weights"], "imagenet");
    EXPECT_TRUE(json[0]["validation_accuracy"].is_number_float());
    const auto effects = nlohmann::json::parse(query("axis_effects", TableFormat::json));
    EXPECT_EQ(effects.back()["axis"], "learning_rate");
    EXPECT_TRUE(effects.back()["value"].is_number());
}

TEST_F(QueryTest, RefusesEverythingThatIsNotReading) {
    const std::string before = query("SELECT * FROM trials", TableFormat::csv);
    const std::string other = (folder / "stolen.db").string();
    for (const std::string& sql :
         {std::string("DELETE FROM trials"), std::string("UPDATE trials SET state = 'waiting'"),
          std::string("INSERT INTO failures VALUES (1, '', 1, '', '', '')"), std::string("DROP VIEW leaderboard"),
          std::string("CREATE TABLE x (y)"), std::string("CREATE TEMP TABLE x (y)"), std::string("VACUUM main"),
          "VACUUM INTO '" + other + "'", "ATTACH '" + other + "' AS other", std::string("PRAGMA query_only = OFF"),
          std::string("PRAGMA user_version = 7"), std::string("PRAGMA journal_mode = DELETE"),
          std::string("SELECT load_extension('x')"), std::string("REINDEX trials"),
          std::string("WITH old AS (SELECT id FROM trials) DELETE FROM trials WHERE id IN old")})
        EXPECT_THAT([&] { query(sql); }, ThrowsMessage<UserError>(HasSubstr("queries only read"))) << sql;
    EXPECT_THAT([&] { query("SELECT 1; DELETE FROM trials"); },
                ThrowsMessage<UserError>(HasSubstr("one SQL statement")));
    EXPECT_THAT([&] { query("trials; DROP TABLE trials"); }, ThrowsMessage<UserError>(HasSubstr("SQL:")));
    EXPECT_EQ(query("SELECT * FROM trials", TableFormat::csv), before);
    EXPECT_FALSE(std::filesystem::exists(other));
}

TEST_F(QueryTest, NamesTheTablesAndColumnsThereAre) {
    EXPECT_THAT([&] { query("leaderbord"); },
                ThrowsMessage<UserError>(AllOf(HasSubstr("did you mean 'leaderboard'"), HasSubstr("axis_effects"))));
    EXPECT_THAT([&] { query("SELECT * FROM trial"); },
                ThrowsMessage<UserError>(AllOf(HasSubstr("did you mean 'trials'"), HasSubstr("there are:"))));
    EXPECT_THAT(
        [&] { query("SELECT acuracy FROM backbone_comparison"); },
        ThrowsMessage<UserError>(AllOf(HasSubstr("no such column: acuracy"), HasSubstr("mean_validation_accuracy"))));
    EXPECT_THAT([&] { query("SELECT FROM"); }, ThrowsMessage<UserError>(HasSubstr("syntax error")));
    EXPECT_THAT([&] { query("-- nothing"); }, ThrowsMessage<UserError>(HasSubstr("no SQL statement")));
}

TEST_F(QueryTest, StopsAnAnswerThatWouldFillTheMemory) {
    EXPECT_THAT([&] { query("SELECT hex(zeroblob(10000000)) FROM trials AS a, trials AS b"); },
                ThrowsMessage<UserError>(HasSubstr("LIMIT")));
}

TEST_F(QueryTest, ReadsWhileASweepIsBeingWritten) {
    Store store(path);
    store.begin_sweep(synthetic_sweep(), trials);
    Database reader = open_results(path);
    Statement slow = reader.prepare("SELECT trial FROM leaderboard");
    ASSERT_TRUE(slow.step());
    finish(store, trials[30]);  // would wait for a minute, were it blocked by the reader
    store.together([&] {
        store.start_trial(trials[31].id, 0);
        EXPECT_THAT(query(""), HasSubstr("32 trials: 31 finished, 1 waiting")) << "what is committed, at once";
    });
    EXPECT_TRUE(slow.step()) << "and a reader goes on with what it saw";
}

TEST(Text, KnowsHowWideTextIs) {
    EXPECT_EQ(display_width("abc"), 3U);
    EXPECT_EQ(display_width("e\u0301"), 1U);
    EXPECT_EQ(display_width("日本"), 4U);
    EXPECT_EQ(cut_text("日本語", 5), "日本…");
    EXPECT_EQ(clean_text("a\xff\xc0\x80z"), "a\uFFFD\uFFFD\uFFFDz");
}

TEST(Text, WritesNumbersAsPeopleReadThem) {
    EXPECT_EQ(percent(0.95312), "95.31 %");
    EXPECT_EQ(human_seconds(0.254), "0.25 s");
    EXPECT_EQ(human_seconds(200), "3 min 20 s");
    EXPECT_EQ(human_seconds(7500), "2 h 05 min");
    EXPECT_EQ(human_bytes(512), "512 B");
    EXPECT_EQ(human_bytes(1536), "1.5 KiB");
    EXPECT_EQ(decimals(std::nan(""), 4), "–");
}

}  // namespace
}  // namespace thaw
