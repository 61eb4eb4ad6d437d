// `thaw predict RUN`: the winner takes photos for what it took them for in the sweep.
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "results/store/database.hpp"
#include "results/store/predictions.hpp"
#include "tests/end_to_end/fixture.hpp"

namespace thaw {
namespace {

using testing::HasSubstr;

class PredictRun : public EndToEnd {
  protected:
    Ended predict(const Words& more) {
        Words words = {"predict", "test", "--runs", (folder_ / "runs").string()};
        words.insert(words.end(), more.begin(), more.end());
        return thaw(words);
    }
    nlohmann::json asked(const Words& photos) {
        Words words = photos;
        words.emplace_back("--json");
        const Ended ended = predict(words);
        EXPECT_EQ(ended.exit_code, 0) << ended.errors;
        return nlohmann::json::parse(ended.output);
    }
    Database results() const { return open_results(folder_ / "runs/test/results.db"); }

    /// Of one part, in the order of predictions.
    Words photos(const std::string& part, const std::string& data) {
        const Database database = results();
        Statement rows = database.prepare("SELECT path FROM images WHERE part = ?1 ORDER BY place");
        rows.with(part);
        Words paths;
        while (rows.step()) paths.push_back((folder_ / data / rows.text(0)).string());
        return paths;
    }
    /// What the best trial took the images of that part for when the sweep ran.
    std::vector<int> recorded(const std::string& part) {
        const Database database = results();
        Statement row = database.prepare(
            "SELECT classes FROM predictions WHERE part = ?1 AND trial = (SELECT trial FROM leaderboard WHERE rank = "
            "1)");
        row.with(part);
        return row.step() ? unpacked_classes(row.text(0)) : std::vector<int>{};
    }
    static std::vector<int> classes_in(const nlohmann::json& answer) {
        const auto names = answer.at("classes").get<Words>();
        std::vector<int> classes;
        for (const auto& photo : answer.at("photos"))
            classes.push_back(
                static_cast<int>(std::ranges::find(names, photo.at("class").get<std::string>()) - names.begin()));
        return classes;
    }
    void draw_parts() {
        draw_shapes(folder_ / "parted/train", 12);
        draw_shapes(folder_ / "parted/validation", 5);
        draw_shapes(folder_ / "parted/test", 4);
    }
    std::string parted_sweep(const std::string& axes) {
        draw_parts();
        std::string file = sweep(axes);
        std::ofstream(file) << "name: test\ndata: {folder: parted}\nweights: random\nimage_size: 40\nbatch_size: 8\n"
                            << axes;
        return file;
    }
};

TEST_F(PredictRun, TakesTheValidationImagesForWhatTrainingTookThemFor) {
    for (const std::string axes : {"freeze: all\nhead: [none, \"16\"]\n", "freeze: features.16\n", "freeze: none\n"}) {
        SCOPED_TRACE(axes);
        std::filesystem::remove_all(folder_ / "runs");
        ASSERT_EQ(run(sweep("backbone: mobilenet_v2\nlearning_rate: 1e-3\nepochs: 2\n" + axes)).exit_code, 0);
        const nlohmann::json answer = asked(photos("validation", "shapes"));
        EXPECT_EQ(classes_in(answer), recorded("validation"));
        EXPECT_EQ(answer.at("accuracy").get<double>(),
                  std::stod(query("SELECT validation_accuracy FROM leaderboard WHERE rank = 1")));
    }
}

TEST_F(PredictRun, OfATestFolderTheWinnerIsAskedOnce) {
    const std::string file = parted_sweep("backbone: mobilenet_v2\nhead: [none, \"16\"]\nepochs: 2\n");
    ASSERT_EQ(run(file).exit_code, 0);
    EXPECT_EQ(query("SELECT count(*), sum(rank) FROM predictions JOIN leaderboard USING (trial) WHERE part = 'test'"),
              "1,1\n");
    const std::vector<int> first = recorded("test");
    EXPECT_EQ(first.size(), 12u);
    EXPECT_EQ(classes_in(asked(photos("test", "parted"))), first);
    ASSERT_EQ(run(file).exit_code, 0);
    EXPECT_EQ(recorded("test"), first);
}

TEST_F(PredictRun, SaysHowRightItIsWhereFoldersAreNamedLikeClasses) {
    ASSERT_EQ(run(parted_sweep("backbone: mobilenet_v2\nepochs: 2\n")).exit_code, 0);
    const std::string folder = (folder_ / "parted/test").string();
    const nlohmann::json answer = asked({folder});
    int all = 0, right = 0;
    for (std::size_t label = 0; label < 3; ++label)
        for (std::size_t taken = 0; taken < 3; ++taken) {
            const int count = answer.at("confusion").at(label).at(taken);
            all += count;
            if (label == taken) right += count;
        }
    EXPECT_EQ(all, 12);
    EXPECT_EQ(answer.at("accuracy").get<double>(), right / 12.0);
    const Ended text = predict({folder});
    EXPECT_THAT(text.output, HasSubstr("on 12 photos"));
    const Ended csv = predict({folder, "--csv"});
    EXPECT_THAT(csv.output, testing::StartsWith("photo,label,class,probability,p(circle),p(square),p(triangle)"));
    std::filesystem::copy(folder_ / "parted/test/circle/00.png", folder_ / "alone.png");
    const Ended alone = predict({(folder_ / "alone.png").string()});
    EXPECT_THAT(alone.output, testing::Not(HasSubstr("accuracy")));
    EXPECT_THAT(alone.output, HasSubstr(" %  circle"));
}

TEST_F(PredictRun, SaysWhatIsWrong) {
    ASSERT_EQ(run(sweep("backbone: mobilenet_v2\nhead: [none, \"16\"]\nepochs: 1\n")).exit_code, 0);
    const Ended alone = predict({});
    EXPECT_EQ(alone.exit_code, 2);
    EXPECT_THAT(alone.errors, HasSubstr("give a run and photos"));
    const std::string photo = (folder_ / "shapes/circle/00.png").string();
    const Ended unknown = predict({photo, "--trial", "zz"});
    EXPECT_EQ(unknown.exit_code, 2);
    EXPECT_THAT(unknown.errors, HasSubstr("no trained weights of trial 'zz'"));
    std::ofstream(folder_ / "damaged.png") << "not a picture";
    const Ended damaged = predict({photo, (folder_ / "damaged.png").string(), "--json"});
    EXPECT_EQ(damaged.exit_code, 1);
    EXPECT_EQ(nlohmann::json::parse(damaged.output).at("photos").size(), 2u);
    EXPECT_THAT(damaged.errors, HasSubstr("damaged.png"));
}

}  // namespace
}  // namespace thaw
