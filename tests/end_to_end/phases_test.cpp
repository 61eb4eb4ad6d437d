// `phases:`: what trains before a trial's own freeze, learning rate and epochs. A boundary where nothing changes is
// none, an earlier phase is trained once, and whatever happens, results are those of an undisturbed run without
// sharing.
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/end_to_end/fixture.hpp"
#include "tests/end_to_end/world.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Three variants of two depths and two rates after one head phase, and one after two phases: 4 trials and 2 phases.
constexpr const char* kSweep =
    "backbone: mobilenet_v2\nfreeze: [features.16, features.15]\nhead: \"16\"\ndropout: 0.3\n"
    "learning_rate: [1e-3, 3e-3]\nepochs: 2\nphases: {freeze: all, learning_rate: 1e-2, epochs: 3}\n"
    "exclude: [{freeze: features.15, learning_rate: 3e-3}]\n";
constexpr const char* kTwoPhases =
    "when:\n  - if: {freeze: features.15}\n"
    "    then: {phases: [{freeze: all, learning_rate: 1e-2, epochs: 3}, [{freeze: all, learning_rate: 1e-2, epochs: "
    "3}, "
    "{freeze: features.16, learning_rate: 1e-3, epochs: 1}]]}\n";
constexpr int kEpochs = 3 + 2 * 4;  // and 1 that the two last phases at features.16 have in common

class Phases : public EndToEnd {
  protected:
    /// Train stages by depth, of all invocations.
    std::string trainings(const std::string& freeze, const std::string& runs = "runs") {
        return query("SELECT count(*) FROM stages WHERE kind = 'train' AND description LIKE '%freeze " + freeze + ",%'",
                     runs);
    }
    std::map<std::string, std::string> files(const std::string& folder, const std::string& runs = "runs") const {
        std::map<std::string, std::string> files;
        if (!fs::exists(folder_ / runs / "test" / folder)) return files;
        for (const auto& entry : fs::directory_iterator(folder_ / runs / "test" / folder))
            files[entry.path().filename().string()] = text_of(entry.path());
        return files;
    }
};

constexpr const char* kIsPhased = "json_array_length(spec, '$.phases')";

TEST_F(Phases, ThatChangeNothingAreOneTrainingBitForBit) {
    const std::string axes =
        "backbone: mobilenet_v2\nfreeze: [all, features.16, none]\nhead: \"16\"\ndropout: 0.3\noptimizer: sgd\n"
        "learning_rate: 1e-2\n";
    ASSERT_EQ(run(sweep(axes + "epochs: 5\n"), "uncut").exit_code, 0);
    const std::string numbers =
        ", quote(train_loss), train_accuracy, quote(validation_loss), validation_accuracy, epochs.weights FROM epochs"
        " JOIN trials ON trial = id WHERE ";
    for (const std::string phases : {"{epochs: 2}", "[[{epochs: 1}, {epochs: 2}]]"}) {
        const int before = phases.size() > 12 ? 3 : 2;
        const std::string runs = "cut" + std::to_string(before);
        const std::string own = std::to_string(5 - before);
        const Ended ended = run(sweep(axes + "epochs: " + own + "\nphases: " + phases + "\n"), runs);
        ASSERT_EQ(ended.exit_code, 0) << ended.errors;
        const std::string done = std::to_string(before);
        const std::string last = std::string(kIsPhased) + " = " + (before == 3 ? "2" : "1") + " ORDER BY 1, 2";
        const std::string found = query("SELECT freeze, epoch + " + done + numbers + last, runs);
        EXPECT_EQ(found, query("SELECT freeze, epoch" + numbers + "epoch > " + done + " ORDER BY 1, 2", "uncut"));
        EXPECT_EQ(std::count(found.begin(), found.end(), '\n'), 3 * (5 - before));
    }
}

TEST_F(Phases, MomentsBeginAnewAndRatesAreThePhasesOwn) {
    const std::string axes = "backbone: mobilenet_v2\noptimizer: adam\nhead: none\n";
    ASSERT_EQ(run(sweep(axes + "epochs: 4\nlearning_rate: 1e-2\n"), "uncut").exit_code, 0);
    const std::string weights =
        "SELECT weights FROM epochs WHERE epoch = 4 UNION ALL SELECT epochs.weights FROM epochs JOIN"
        " trials ON trial = id WHERE epoch = 2 AND json_array_length(spec, '$.phases') = 1";
    std::set<std::string> ends = {query(weights, "uncut")};
    for (const std::string own : {"1e-2", "1e-3"}) {
        ASSERT_EQ(
            run(sweep(axes + "epochs: 2\nlearning_rate: " + own + "\nphases: {epochs: 2, learning_rate: 1e-2}\n"), own)
                .exit_code,
            0);
        ends.insert(query(weights, own));
    }
    EXPECT_EQ(ends.size(), 3u);
}

TEST_F(Phases, ThatTrialsHaveInCommonAreTrainedOnceAndGiveTheSameAsAlone) {
    const std::string file = sweep(std::string(kSweep) + kTwoPhases);
    const Ended planned = thaw({"plan", file, "--explain", "--runs", (folder_ / "planned").string()});
    EXPECT_THAT(planned.output, HasSubstr("share_phases"));
    EXPECT_THAT(planned.output, HasSubstr("4 trials go on from it"));
    const Ended shared = run(file, "shared");
    ASSERT_EQ(shared.exit_code, 0) << shared.errors;
    EXPECT_EQ(query("SELECT count(*) FROM trials WHERE state = 'finished'", "shared"), "6\n");
    EXPECT_EQ(trainings("all", "shared"), "1\n");
    EXPECT_EQ(files("phases", "shared").size(), 2u);
    const Ended separate = run(file, "separate", {"--no-sharing"});
    ASSERT_EQ(separate.exit_code, 0) << separate.errors;
    EXPECT_EQ(results("shared"), results("separate"));
    EXPECT_EQ(trainings("all", "separate"), "6\n") << "its own, and once for each that goes on from it";
    EXPECT_TRUE(files("phases", "separate").empty());
    ASSERT_EQ(run(file, "shared").exit_code, 0);
    EXPECT_EQ(trainings("all", "shared"), "1\n");
}

TEST_F(Phases, GoOnFromWhatEarlierRunsHaveLeft) {
    const auto with_rates = [&](const std::string& rates) {
        return sweep("backbone: mobilenet_v2\nfreeze: features.16\nlearning_rate: " + rates +
                     "\nepochs: 1\nphases: {freeze: all, learning_rate: 1e-2, epochs: 3}\n");
    };
    const std::string head = "SELECT state, started, finished, seconds FROM trials WHERE freeze = 'all'";
    ASSERT_EQ(run(with_rates("1e-3")).exit_code, 0);
    const std::string row = query(head);
    ASSERT_EQ(run(with_rates("[1e-3, 2e-3]")).exit_code, 0);
    EXPECT_EQ(trainings("all"), "1\n");
    fs::remove_all(folder_ / "runs/test/phases");
    fs::remove_all(cache());
    ASSERT_EQ(run(with_rates("[1e-3, 2e-3, 3e-3]")).exit_code, 0);
    EXPECT_EQ(trainings("all"), "2\n") << "for its weights alone";
    EXPECT_EQ(query(head), row);
    ASSERT_EQ(run(with_rates("[1e-3, 2e-3, 3e-3]"), "at_once").exit_code, 0);
    EXPECT_EQ(results(), results("at_once"));
}

TEST_F(Phases, WhoseWeightsAreDamagedFailWhoGoesOnAndItSaysWhatToDo) {
    const auto with_rates = [&](const std::string& rates) {
        return sweep("backbone: mobilenet_v2\nlearning_rate: " + rates +
                     "\nepochs: 1\nphases: {learning_rate: 1e-2, epochs: 3}\n");
    };
    ASSERT_EQ(run(with_rates("1e-3")).exit_code, 0);
    const fs::path file = fs::directory_iterator(folder_ / "runs/test/phases")->path();
    fs::resize_file(file, 100);
    EXPECT_EQ(run(with_rates("[1e-3, 2e-3]")).exit_code, 1);
    EXPECT_THAT(query("SELECT message FROM failed_trials"),
                testing::AllOf(HasSubstr("cannot go on from the weights of the earlier phase"),
                               HasSubstr("remove that file and run again")));
    fs::remove(file);
    EXPECT_EQ(run(with_rates("[1e-3, 2e-3]")).exit_code, 0);
    EXPECT_EQ(query("SELECT count(*) FROM trials WHERE state = 'finished'"), "3\n");
}

TEST_F(Phases, ThatFailTakeWithThemWhoWouldHaveGoneOn) {
    EXPECT_EQ(
        run(sweep("backbone: mobilenet_v2\nfreeze: features.16\noptimizer: {sgd: {momentum: 0.99}}\nhead: 64-64-64\n"
                  "learning_rate: 1e-4\nepochs: 1\n"
                  "phases: [none, {freeze: all, learning_rate: 10, epochs: 40}]\n"))
            .exit_code,
        1);
    EXPECT_EQ(query("SELECT freeze, state, json_array_length(spec, '$.phases') FROM trials ORDER BY 1, 3"),
              "all,failed,0\nfeatures.16,finished,0\nfeatures.16,failed,1\n");
    EXPECT_THAT(query("SELECT message FROM failed_trials WHERE freeze = 'features.16'"),
                testing::AllOf(HasSubstr("its earlier phase, trial "), HasSubstr("learning rate 10"),
                               HasSubstr("loss became")));
}

TEST_F(Phases, OnTwoAndFourRanksAreWhatTheyAreOnOne) {
    const std::string file = sweep(std::string(kSweep) + kTwoPhases);
    for (const int ranks : {1, 2, 4}) {
        const Ended ended = call(world_command(ranks, file, std::to_string(ranks)));
        ASSERT_EQ(ended.exit_code, 0) << ended.errors;
        EXPECT_EQ(trainings("all", std::to_string(ranks)), "1\n");
    }
    const std::string heads =
        "SELECT epoch, quote(train_loss), epochs.weights FROM epochs JOIN trials ON id = trial"
        " WHERE freeze = 'all' ORDER BY 1";
    EXPECT_EQ(query(heads, "2"), query(heads, "1"));
    EXPECT_EQ(query(heads, "4"), query(heads, "1"));
}

TEST_F(Phases, OfTrialsOfSeveralRanksAreWhatTheyAreOnOneToRounding) {
    const std::string axes =
        "backbone: mobilenet_v2\nfreeze: features.16\noptimizer: {sgd: {momentum: 0.9}}\nlearning_rate: 1e-3\n"
        "ranks_per_trial: 2\nepochs: 2\nphases: [[{freeze: all, epochs: 2}, {freeze: features.17, epochs: 1}]]\n";
    for (const int ranks : {1, 2}) {
        const Ended ended = call(world_command(ranks, sweep(axes), std::to_string(ranks)));
        ASSERT_EQ(ended.exit_code, 0) << ended.errors;
    }
    EXPECT_THAT(query("SELECT DISTINCT kind, ranks FROM stages ORDER BY 1, 2", "2"), HasSubstr("train,2\n"));
    for (const std::string loss : {"train_loss", "validation_loss"})
        for (const std::string epoch : {"1", "2"}) {
            const std::string sql = "SELECT " + loss + " FROM epochs JOIN trials ON id = trial WHERE epoch = " + epoch +
                                    " AND json_array_length(spec, '$.phases') = 2";
            const double alone = std::stod(query(sql, "1"));
            EXPECT_NEAR(std::stod(query(sql, "2")), alone, 1e-5 * alone) << loss << " of epoch " << epoch;
        }
}

TEST_F(Phases, TrainedWeightsAreThoseOfAllPhases) {
    const std::string axes =
        "backbone: mobilenet_v2\nfreeze: features.16\nlearning_rate: 1e-3\nepochs: 1\nkeep: last\n"
        "phases: [[{freeze: all, learning_rate: 1e-2, epochs: 2}, {freeze: features.17, epochs: 1}]]\n";
    ASSERT_EQ(run(sweep(axes)).exit_code, 0);
    EXPECT_EQ(files("checkpoints").size(), 3u);
    std::string id = query("SELECT id FROM trials WHERE json_array_length(spec, '$.phases') = 2");
    id.pop_back();
    const std::string runs = (folder_ / "runs").string();
    Words words = {"predict", "test", "--trial", id, "--json", "--runs", runs};
    std::istringstream paths(query("SELECT path FROM images WHERE part = 'validation' ORDER BY place"));
    for (std::string path; std::getline(paths, path);) words.push_back((folder_ / "shapes" / path).string());
    const Ended predicted = thaw(words);
    ASSERT_EQ(predicted.exit_code, 0) << predicted.errors;
    EXPECT_EQ(nlohmann::json::parse(predicted.output).at("accuracy").get<double>(),
              std::stod(query("SELECT final_validation_accuracy FROM trials WHERE id = '" + id + "'")));
    const Ended exported =
        thaw({"export-model", "test", "--trial", id, "-o", (folder_ / "model.safetensors").string(), "--runs", runs});
    EXPECT_EQ(exported.exit_code, 0) << exported.errors;
}

/// The best trial is trained again for its weights, and so are the phases before where theirs are lost too.
TEST_F(Phases, OfTheWinnerAreFoundAgain) {
    const std::string file = sweep(
        "backbone: mobilenet_v2\nfreeze: features.16\nlearning_rate: 1e-3\nepochs: 2\nkeep: last\n"
        "phases: [[{freeze: all, learning_rate: 1e-2, epochs: 2}, {freeze: features.17, epochs: 1}]]\n");
    for (const Words& more : {Words{}, Words{"--no-sharing"}}) {
        const std::string runs = more.empty() ? "shared" : "separate";
        ASSERT_EQ(run(file, runs, more).exit_code, 0);
        const auto kept = files("checkpoints", runs);
        ASSERT_EQ(kept.size(), 3u);
        for (const char* lost : {"test/checkpoints", "test/phases", ".cache"}) fs::remove_all(folder_ / runs / lost);
        const Ended again = run(file, runs, more);
        ASSERT_EQ(again.exit_code, 0) << again.errors;
        const auto best = files("checkpoints", runs);
        ASSERT_EQ(best.size(), 1u) << again.errors;
        EXPECT_EQ(best.begin()->second == kept.at(best.begin()->first), true);
        EXPECT_THAT(again.errors, testing::Not(HasSubstr("came out a little different")));
    }
}

/// THAW_KILLS says how many (default 6).
TEST_F(Phases, SurviveKillsOfAnyProcessAtAnyMoment) {
    const char* wanted = std::getenv("THAW_KILLS");
    const int kills = wanted ? std::atoi(wanted) : 6;
    const std::string file = sweep(std::string(kSweep) + kTwoPhases);
    const Ended undisturbed = call(world_command(2, file, "undisturbed"));
    ASSERT_EQ(undisturbed.exit_code, 0) << undisturbed.errors;
    const std::string expected = results("undisturbed");
    const auto kept = files("phases", "undisturbed");
    std::mt19937 random(23);
    int done = 0, rounds = 0;
    while (done < kills && rounds < 3 * kills) {
        const std::string runs = "killed" + std::to_string(rounds++);
        for (int i = 0; i < 2 && done < kills; ++i) {
            Process process(folder_.path(), world_command(2, file, runs));
            if (!wait_for_moment(process, runs, kEpochs + 1, random)) break;
            std::vector<int> all = descendants_of(process.id());
            all.push_back(process.id());
            ::kill(all[random() % all.size()], SIGKILL);
            process.wait();
            ASSERT_TRUE(all_end(all, std::chrono::seconds(60)));
            ++done;
        }
        Ended last{75, "", ""};
        for (int again = 0; again < 3 && last.exit_code != 0; ++again) last = call(world_command(2, file, runs));
        ASSERT_EQ(last.exit_code, 0) << last.errors;
        EXPECT_EQ(results(runs), expected) << runs;
        EXPECT_EQ(files("phases", runs) == kept, true) << runs;
        fs::remove_all(folder_ / runs);
    }
    EXPECT_EQ(done, kills);
}

}  // namespace
}  // namespace thaw
