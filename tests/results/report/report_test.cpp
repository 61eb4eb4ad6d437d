// The report: always possible, complete in itself, and safe whatever names the data has.
#include "results/report/report.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "common/util/text.hpp"
#include "results/query/query.hpp"
#include "results/report/report_data.hpp"
#include "results/store/store.hpp"
#include "tests/results/report/report_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::ThrowsMessage;

/// Reads the page with Python's parser: every element closed in order, SVG included, nothing loaded from elsewhere.
constexpr const char* kChecker = R"python(
import sys
from html.parser import HTMLParser
VOID = {'meta', 'br', 'img', 'link', 'hr', 'input', 'path', 'rect'}
class Checker(HTMLParser):
    open = []
    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names)), ('repeated attribute', tag, names)
        for name, value in attributes:
            assert name != 'src' or value.startswith('data:image/jpeg;base64,'), ('loads something', tag, value)
            assert name != 'href' or value.startswith('#'), ('leads elsewhere', tag, value)
        assert not any(name.startswith('on') for name in names), ('inline script', tag)
        if tag not in VOID: self.open.append(tag)
    def handle_endtag(self, tag):
        if tag not in VOID: assert self.open.pop() == tag, ('not in order', tag, self.getpos())
checker = Checker()
checker.feed(open(sys.argv[1], encoding='utf-8').read())
checker.close()
assert not checker.open, checker.open
)python";

class ReportTest : public testing::Test {
  protected:
    TemporaryFolder folder;
    std::filesystem::path path = folder / "results.db", html_path = folder / "report.html",
                          md_path = folder / "report.md";
    std::string html, markdown;

    void report() {
        write_report(path, html_path, md_path);
        html = read_file(html_path);
        markdown = read_file(md_path);
        write_file(folder / "check.py", kChecker);
        const std::string command = "python3 " + (folder / "check.py").string() + " " + html_path.string();
        EXPECT_EQ(std::system(command.c_str()), 0) << "the page is not well-formed, or there is no python3";
    }
};

TEST_F(ReportTest, GivesTheAnswerFirst) {
    const std::vector<Trial> trials = synthetic_trials(64);
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        for (const Trial& trial : trials) finish(store, trial);
        store.record_stage(
            {.kind = "features", .description = "resnet50 @224", .trials = 32, .predicted_seconds = 10, .seconds = 12});
        store.end_sweep(RunOutcome::ok);
    }
    report();
    EXPECT_THAT(html,
                AllOf(HasSubstr("<h1>resnet50 reaches <b>9"), HasSubstr("validation accuracy (mean of 2 seeds)</h1>"),
                      HasSubstr("<h2>Hyperparameter effects"), HasSubstr("<h2>Backbone comparison"),
                      HasSubstr("<h2>Learning curves"), HasSubstr("validation accuracy by learning rate"),
                      HasSubstr("<h3>Accuracy by backbone and frozen depth"), HasSubstr("<h2>Compute and reuse")));
    EXPECT_THAT(html,
                AllOf(HasSubstr("mean of 2 seeds with a standard deviation of"), HasSubstr("over 600 images (Wilson)"),
                      HasSubstr("thaw predict flowers --trial "), HasSubstr("23,561,152 parameters")))
        << "torchvision's 25,557,032 without the classifier's 2,049,000, with 53,120 means and variances";
    EXPECT_THAT(html, AllOf(HasSubstr("backbone: [mobilenet_v2, resnet50]"), HasSubstr("thaw run flowers.yaml"),
                            HasSubstr("atlas"), HasSubstr("f1")));
    EXPECT_THAT(html, Not(AnyOf(HasSubstr("http:"), HasSubstr("https:"), HasSubstr("nan"))));
    EXPECT_THAT(markdown, AllOf(HasSubstr("**resnet50 reaches 9"), HasSubstr("## Leaderboard"),
                                HasSubstr("## Hyperparameter effects"), HasSubstr("## Backbone comparison"),
                                HasSubstr("    data: {folder: flowers}\n")));
}

TEST_F(ReportTest, IsPossibleBeforeAnythingHasHappened) {
    Store store(path);
    report();
    EXPECT_THAT(html, HasSubstr("There are no trials yet"));
    store.begin_sweep(synthetic_sweep(), synthetic_trials(4));
    report();
    EXPECT_THAT(html, AllOf(HasSubstr("No trial has finished yet"), HasSubstr("The sweep is running (process")));
    EXPECT_THAT(markdown, HasSubstr("No trial has finished yet"));
}

TEST_F(ReportTest, SaysThatARunWasKilled) {
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), synthetic_trials(4));
    }
    report();
    EXPECT_THAT(html, HasSubstr("The run was killed. Run the same command again"));
}

TEST_F(ReportTest, EscapesEveryNameThatComesFromOutside) {
    const std::string evil = "<script>alert('1')</script>&\"|`";
    SweepRecord sweep = synthetic_sweep();
    sweep.name = sweep.yaml = sweep.command_line = sweep.data_folder = evil;
    sweep.classes = {evil, "\xff"};
    sweep.environment = {{evil, evil}};
    std::vector<Trial> trials = synthetic_trials(8);
    for (std::size_t i = 0; i < trials.size(); ++i) {
        trials[i].backbone = evil + (i % 2 ? "1" : "2");
        trials[i].freeze = evil + (i % 4 / 2 ? "1" : "2");
        trials[i].weights = evil;
    }
    {
        Store store(path);
        store.begin_sweep(sweep, trials);
        for (int i = 0; i < 6; ++i) finish(store, trials[static_cast<std::size_t>(i)]);
        store.fail_trial(trials[6].id, evil);
        store.record_epoch(trials[7].id, synthetic_epoch(trials[7], 1));
        store.stop_trial(trials[7].id);
        store.record_stage({.kind = evil, .description = evil, .error = evil});
    }
    report();
    std::size_t scripts = 0;
    for (auto at = html.find("<script"); at != std::string::npos; at = html.find("<script", at + 1)) ++scripts;
    EXPECT_EQ(scripts, 1U) << "only the page's own";
    EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;|`"));
    EXPECT_THAT(markdown, HasSubstr(R"(\<script\>)"));
    std::istringstream lines(markdown);
    for (std::string line; std::getline(lines, line);)
        EXPECT_TRUE(line.starts_with("    ") || line.find(" <script") == std::string::npos)
            << "not in a block of code: " << line;
}

TEST_F(ReportTest, ShowsFailuresOnceAMessage) {
    const std::vector<Trial> trials = synthetic_trials(32);
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        finish(store, trials[0]);
        for (int i = 1; i < 31; ++i) store.fail_trial(trials[static_cast<std::size_t>(i)].id, "out of memory");
        store.fail_trial(trials[31].id, "loss became NaN in epoch 2");
        store.end_sweep(RunOutcome::ok);
    }
    report();
    EXPECT_THAT(html, AllOf(HasSubstr(">30</td><td class=\"wide\">out of memory"), HasSubstr("and 20 more"),
                            HasSubstr("loss became NaN in epoch 2")));
    EXPECT_THAT(markdown, HasSubstr("| 30 | out of memory |"));
}

TEST_F(ReportTest, NamesTheTrialsThatWereStoppedAndWhatTheyReached) {
    const std::vector<Trial> trials = synthetic_trials(32);
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        for (int i = 0; i < 16; ++i) {
            const Trial& trial = trials[static_cast<std::size_t>(i)];
            store.record_epoch(trial.id, {.epoch = 1, .validation_accuracy = 0.25});
            if (i < 3) store.record_epoch(trial.id, {.epoch = 2, .validation_accuracy = 0.5 + 0.1 * i});
            store.stop_trial(trial.id);
        }
        for (int i = 16; i < 32; ++i) finish(store, trials[static_cast<std::size_t>(i)]);
        store.end_sweep(RunOutcome::ok);
    }
    report();
    EXPECT_THAT(html, AllOf(HasSubstr("32 trials: 16 finished, 16 pruned."), HasSubstr("<h2>Pruned trials"),
                            HasSubstr("<code>" + trials[2].id + "</code> 70.00 %: mobilenet_v2, freeze 50"),
                            HasSubstr("and 3 more"), HasSubstr("All 16 configurations, "),
                            Not(HasSubstr("<h2>Failed trials"))));
    EXPECT_LT(html.find("<code>" + trials[2].id), html.find("<code>" + trials[1].id)) << "the best first";
    EXPECT_THAT(markdown, AllOf(HasSubstr("\n| 3 | 2 | 70.00 % | `" + trials[2].id + "` 70.00 %: mobilenet"),
                                HasSubstr("\n| 13 | 1 | 25.00 % | ")));
    EXPECT_THAT(run_query(path, {}), HasSubstr("32 trials: 16 finished, 16 stopped early\n"));
}

TEST_F(ReportTest, SaysNothingOfStoppedTrialsAndTotalsWhereThereAreNone) {
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), synthetic_trials(4));
        store.record_stage({.kind = "train", .description = "head", .seconds = 1});
        store.record_prediction(9.75);
        store.end_sweep(RunOutcome::ok);  // its time is not known
    }
    report();
    EXPECT_THAT(html, Not(AnyOf(HasSubstr("Pruned"), HasSubstr("stopped"), HasSubstr("Run of"))));
    EXPECT_THAT(markdown, Not(AnyOf(HasSubstr("Pruned"), HasSubstr("Run of"))));
}

TEST_F(ReportTest, SetsThePredictedTimeOfEveryRunBesideTheMeasuredOne) {
    {
        Store store(path);
        const auto run = [&](double predicted, double measured, RunOutcome outcome) {
            store.begin_sweep(synthetic_sweep(), synthetic_trials(4));
            store.record_stage({.kind = "train", .description = "head", .seconds = 1});
            store.record_prediction(predicted);
            store.end_sweep(outcome, measured);
        };
        run(100, 80, RunOutcome::ok);
        run(50, 20, RunOutcome::interrupted);
        run(0, 0.5, RunOutcome::ok);
        run(9.75, 10.5, RunOutcome::ok);
    }
    report();
    EXPECT_THAT(html, HasSubstr("the end of its last: predicted 9.75 s, measured 10.5 s (8 % more).</p>"));
    for (const std::string& page : {html, markdown})
        EXPECT_THAT(page, AllOf(HasSubstr("predicted 100 s, measured 80 s (20 % less)"),
                                HasSubstr("predicted 50 s, interrupted after 20 s"),
                                HasSubstr("predicted 0 s, measured 0.5 s")));
    EXPECT_LT(markdown.find("8 % more"), markdown.find("20 % less")) << "the latest first";
}

TEST_F(ReportTest, SaysHowTheRunEndedAndWhatToDo) {
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), synthetic_trials(4));
        store.record_stage({.kind = "decode", .description = "photos", .seconds = 30});
        store.end_sweep(RunOutcome::wrong_input, 30, "tulip/3.jpg cannot be read");
    }
    report();
    for (const std::string& page : {html, markdown}) {
        EXPECT_THAT(page, AllOf(HasSubstr("The run stopped at wrong input: tulip/3.jpg cannot be read"),
                                HasSubstr("in 1 run. Stages were busy for 30 s.")));
        EXPECT_THAT(page, Not(HasSubstr("interrupted")));
    }
}

TEST_F(ReportTest, MarksRandomWeightsWhereverATrialIsNamed) {
    std::vector<Trial> trials = synthetic_trials(4);
    for (Trial& trial : trials) trial.weights = "random";
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        for (const Trial& trial : trials) finish(store, trial);
    }
    report();
    EXPECT_THAT(html, AllOf(HasSubstr("<h1>resnet50<span class=\"tag\">random weights</span> reaches"),
                            HasSubstr("mobilenet_v2 (random)"), HasSubstr("hollow dots have random weights")));
    EXPECT_THAT(markdown, HasSubstr("resnet50 (random weights) reaches"));
}

TEST_F(ReportTest, ShowsThePrecisionWhereItVariesAndMarksBf16) {
    std::vector<Trial> trials = synthetic_trials(4);
    for (const int bf16 : {1, 3}) trials[static_cast<std::size_t>(bf16)].precision = Precision::bfloat16;  // resnet50's
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        for (int i = 0; i < 3; ++i) finish(store, trials[static_cast<std::size_t>(i)]);
        store.fail_trial(trials[3].id, "out of memory");
    }
    report();
    EXPECT_THAT(html,
                AllOf(HasSubstr("<h1>resnet50<span class=\"tag\">bf16</span> reaches"),
                      HasSubstr("validation accuracy by precision"), HasSubstr("<th scope=\"col\">precision</th>"),
                      HasSubstr("<td>mobilenet_v2</td>"), HasSubstr("resnet50, freeze 50, precision bf16")));
    EXPECT_THAT(markdown, HasSubstr("resnet50 (bf16) reaches"));
    EXPECT_THAT(leaderboard_text(path), HasSubstr("  precision  "));
}

TEST_F(ReportTest, SaysOfThePrecisionOfAllTrialsOnlyWhatIsUnusual) {
    std::vector<Trial> trials = synthetic_trials(2);
    for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
        for (Trial& trial : trials) {
            trial.precision = precision;
            trial.id += to_string(precision);
        }
        const std::filesystem::path database = folder / to_string(precision);
        {
            Store store(database);
            store.begin_sweep(synthetic_sweep(), trials);
            finish(store, trials[0]);
        }
        const bool unusual = precision == Precision::bfloat16;
        EXPECT_EQ(leaderboard_text(database).find("precision bf16\n") != std::string::npos, unusual);
        EXPECT_EQ(leaderboard_text(database).find("precision") != std::string::npos, unusual);
    }
}

TEST_F(ReportTest, ShowsNewerAxesWhereTheyVaryAndOtherwiseWhatIsUnusual) {
    std::vector<Trial> trials = synthetic_trials(4);
    for (Trial& trial : trials) trial.label_smoothing = 0.1;
    for (const std::size_t i : {1U, 3U}) trials[i].schedule.kind = ScheduleKind::cosine;
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        for (const Trial& trial : trials) finish(store, trial);
    }
    report();
    EXPECT_THAT(html, AllOf(HasSubstr("validation accuracy by schedule"), HasSubstr("<dt>schedule</dt><dd>cosine</dd>"),
                            HasSubstr("label smoothing 0.1")));
    EXPECT_THAT(markdown, HasSubstr("schedule cosine"));
    for (const std::string& text : {html, markdown, leaderboard_text(path)})
        EXPECT_THAT(text, Not(AnyOf(HasSubstr("class weights"), HasSubstr("augment none"), HasSubstr("fold none"),
                                    HasSubstr("loss function"), HasSubstr("AUC"))));
}

TEST_F(ReportTest, ShowsTheAreaUnderTheRocCurveWhereTrialsHaveIt) {
    const std::vector<Trial> trials = synthetic_trials(2);
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        for (const Trial& trial : trials) {
            EpochRecord epoch = synthetic_epoch(trial, 1);
            epoch.validation_auc = 0.8125;
            store.record_epoch(trial.id, epoch);
            store.finish_trial(trial.id);
        }
    }
    report();
    EXPECT_THAT(html, AllOf(HasSubstr(">AUC</th>"), HasSubstr(">0.8125</td>"), Not(HasSubstr("top-5"))));
    EXPECT_THAT(markdown, AllOf(HasSubstr("| AUC |"), HasSubstr("| 0.8125 |")));
    EXPECT_THAT(leaderboard_text(path), AllOf(HasSubstr("  AUC  "), HasSubstr("  0.8125  "), Not(HasSubstr("top-5"))));
}

TEST_F(ReportTest, SurvivesTrialsThatDiverged) {
    const std::vector<Trial> trials = synthetic_trials(4);
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        for (const Trial& trial : trials) {
            store.record_epoch(trial.id, {.epoch = 1,
                                          .train_loss = NAN,
                                          .train_accuracy = NAN,
                                          .validation_loss = NAN,
                                          .validation_accuracy = NAN,
                                          .seconds = 1});
            store.finish_trial(trial.id);
        }
    }
    report();
    EXPECT_THAT(html, AllOf(HasSubstr("–"), Not(HasSubstr("nan")), Not(HasSubstr("inf "))));
}

/// As a random search has them: no two with the same learning rate.
std::vector<Trial> drawn_trials(int count) {
    std::vector<Trial> trials = synthetic_trials(count);
    for (std::size_t i = 0; i < trials.size(); ++i) {
        trials[i].learning_rate = 1e-4 * (1 + static_cast<double>(i) / 100);
        trials[i].seed = 1;
    }
    return trials;
}

class LargeReportTest : public ReportTest, public testing::WithParamInterface<int> {};

TEST_P(LargeReportTest, StaysSmall) {
    const std::vector<Trial> trials = drawn_trials(GetParam());
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        store.together([&] {
            for (const Trial& trial : trials) finish(store, trial, 1);
        });
    }
    report();
    EXPECT_LT(std::filesystem::file_size(html_path), 1'000'000U);
    const std::string of_all = fmt::format(" of {} ", GetParam());
    EXPECT_THAT(html, AllOf(HasSubstr("The best 200" + of_all + "configurations"), HasSubstr("First 200" + of_all)));
    EXPECT_THAT(markdown, HasSubstr("\nFirst 25" + of_all + "rows.\n"));
    for (const char* figure : {"accuracy_by_learning_rate", "accuracy_by_time", "parallel_coordinates"}) {
        const std::string note = of_all + "configurations.";
        EXPECT_THAT(read_file(folder / "figures" / (std::string(figure) + ".svg")), HasSubstr(note + "</text></svg>"));
        EXPECT_THAT(html, HasSubstr(note + "</figcaption>"));
    }
}

INSTANTIATE_TEST_SUITE_P(Trials, LargeReportTest, testing::Values(10'000, 100'000));

TEST_F(ReportTest, LeadsWithTheTestAccuracyWhereTheWinnerWasAskedOnce) {
    SweepRecord sweep = shape_sweep("/nowhere", 40);
    sweep.test = shape_images(50);
    sweep.test_images = 150;
    const std::vector<Trial> trials = synthetic_trials(64);
    std::string winner;
    {
        Store store(path);
        store.begin_sweep(sweep, trials);
        for (const Trial& trial : trials) finish_with_predictions(store, trial, sweep.validation);
        store.end_sweep(RunOutcome::ok);
    }
    report();
    EXPECT_THAT(html, AllOf(HasSubstr("validation accuracy (mean of 2 seeds)</h1>"),
                            HasSubstr("paired t test over 2 seeds"), HasSubstr("paired t test over 120 images")));
    winner = html.substr(html.find("--trial ") + 8, 16);
    {
        Store store(path);
        store.record_test(winner, predictions_of(sweep.test, 30));
    }
    report();
    EXPECT_THAT(html, AllOf(HasSubstr("reaches <b>80.00 %</b> test accuracy (seed 2)</h1>"),
                            HasSubstr("120 of 150 held-out test images correct, 95 % CI 72.9 to 85.6 % (Wilson)"),
                            HasSubstr("The validation images selected this configuration among 32,")));
    EXPECT_THAT(markdown, HasSubstr("reaches 80.00 % test accuracy"));
    EXPECT_THAT(html, AllOf(HasSubstr("120 of 150 test images correct (80.00 %)"),
                            HasSubstr("<td>square</td><td>circle</td>")));
    // 30 of 50 squares are taken for circles.
    const auto row = [](const char* of, const char* numbers) { return fmt::format("| {} | {} |", of, numbers); };
    EXPECT_THAT(markdown, AllOf(HasSubstr(row("circle", "50 | 80 | 0.6250 | 1.0000 | 0.7692")),
                                HasSubstr(row("square", "50 | 20 | 1.0000 | 0.4000 | 0.5714")),
                                HasSubstr(row("macro average", "150 | 150 | 0.8750 | 0.8000 | 0.7802"))));
    EXPECT_THAT(html, HasSubstr("<td>square</td><td class=\"number\">50</td><td class=\"number\">20</td><td "
                                "class=\"number\">1.0000</td><td class=\"number\">0.4000</td>"));
}

TEST_F(ReportTest, ShowsWhatIsUndefinedAsADash) {
    const SweepRecord sweep = shape_sweep("/nowhere", 40);
    const std::vector<Trial> trials = synthetic_trials(2);
    {
        Store store(path);
        store.begin_sweep(sweep, trials);
        for (const Trial& trial : trials) {
            EpochRecord epoch = synthetic_epoch(trial, 1);
            epoch.validation_accuracy = 1.0 / 3;
            epoch.predicted.assign(sweep.validation.size(), 0);  // a circle, whatever it is
            store.record_epoch(trial.id, epoch);
            store.finish_trial(trial.id);
        }
    }
    report();
    EXPECT_THAT(markdown, AllOf(HasSubstr("| circle | 40 | 120 | 0.3333 | 1.0000 | 0.5000 |"),
                                HasSubstr("| square | 40 | 0 | – | 0.0000 | 0.0000 |"),
                                HasSubstr("| macro average | 120 | 120 | 0.1111 | 0.3333 | 0.1667 |")));
}

TEST_F(ReportTest, NeedsNoMatrixForFewerImagesThanClasses) {
    SweepRecord sweep = shape_sweep("/nowhere", 1);
    sweep.validation.resize(2);
    sweep.validation_images = 2;
    const std::vector<Trial> trials = synthetic_trials(2);
    {
        Store store(path);
        store.begin_sweep(sweep, trials);
        for (const Trial& trial : trials) finish_with_predictions(store, trial, sweep.validation);
    }
    report();
    EXPECT_THAT(html, AllOf(HasSubstr("No confusion matrix: 2 images of 3 classes."), Not(HasSubstr("true \\ pred"))));
}

TEST_F(ReportTest, DrawsParallelCoordinatesUpToTheBestValue) {
    const std::vector<Trial> trials = synthetic_trials(32);
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        for (const Trial& trial : trials) finish(store, trial);
    }
    report();
    const std::size_t reaches = html.find("reaches <b>") + 11;
    const std::string best = html.substr(reaches, html.find("</b>", reaches) - reaches);
    const std::string figure = read_file(folder / "figures/parallel_coordinates.svg");
    EXPECT_THAT(figure, HasSubstr(">" + best + "</text>")) << "the axis' upper end";
    EXPECT_THAT(figure, HasSubstr("<title>" + best + ": ")) << "the line that ends there";
}

TEST_F(ReportTest, ShowsThePhotosThatTheWinnerMisclassifies) {
    const SweepRecord sweep = shape_sweep("/photos", 40);
    const std::vector<Trial> trials = synthetic_trials(8);
    {
        Store store(path);
        store.begin_sweep(sweep, trials);
        for (const Trial& trial : trials) finish_with_predictions(store, trial, sweep.validation);
    }
    std::vector<std::string> asked;
    write_report(path, html_path, md_path, [&](const std::filesystem::path& photo) {
        asked.push_back(photo);
        return asked.size() % 2 ? std::string("abcd") : std::string();
    });
    const std::string page = read_file(html_path);
    ASSERT_GE(asked.size(), 2U);
    EXPECT_EQ(asked[0], "/photos/square/00.png");
    EXPECT_THAT(page,
                AllOf(HasSubstr("<img alt=\"square predicted as circle\" src=\"data:image/jpeg;base64,YWJjZA==\">"),
                      HasSubstr("not readable here"), HasSubstr("square/00.png")));
    EXPECT_THAT(page, HasSubstr("120 validation images correct ("));
}

TEST_F(ReportTest, SaysWhatTheAccuracyIsWithoutImagesThatAreTrainedOnToo) {
    SweepRecord sweep = shape_sweep("/photos", 40);
    for (ImageRecord& image : sweep.validation)
        if (image.label == 0) image.trained_copy = "train/" + image.path;
    sweep.findings = {"40 of 120 validation images are also in the training set", "1 class has no <test> images"};
    const std::vector<Trial> trials = synthetic_trials(1);
    {
        Store store(path);
        store.begin_sweep(sweep, trials);
        finish_with_predictions(store, trials[0], sweep.validation);
    }
    const ReportData data = load_report(path);
    const Score all = score_of(data.validation.images, *data.validation.of(trials[0].id));
    ASSERT_LT(all.correct, 120) << "circles are all right: the mistakes are among the other 80";
    const std::string expected = fmt::format(
        "40 of 120 validation images are also in the training set: accuracy on the other 80 is {}, on all {}.",
        percent((all.correct - 40) / 80.0), percent(all.correct / 120.0));
    EXPECT_EQ(write_report(path, html_path, md_path), expected);
    report();
    for (const std::string& page : {html, markdown}) EXPECT_THAT(page, HasSubstr(expected));
    EXPECT_THAT(html, AllOf(HasSubstr("Data: 40 of 120"), HasSubstr("no &lt;test&gt; images")));
    sweep.validation = shape_images(40);
    sweep.data_fingerprint = "without copies";
    sweep.findings.clear();
    { Store(path).begin_sweep(sweep, trials); }
    EXPECT_EQ(write_report(path, html_path, md_path), "");
}

TEST_F(ReportTest, SaysWhereADatabaseHasNoPredictions) {
    const std::vector<Trial> trials = synthetic_trials(4);
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        for (const Trial& trial : trials) finish(store, trial);
    }
    report();
    EXPECT_THAT(html, AllOf(HasSubstr("The database has no predictions"),
                            HasSubstr(" lower, not tested (one seed, and the database has no predictions")));
}

TEST_F(ReportTest, LeavesItsChartsAsFilesForAPaper) {
    const std::vector<Trial> trials = synthetic_trials(64);
    {
        Store store(path);
        store.begin_sweep(shape_sweep("/nowhere", 40), trials);
        for (const Trial& trial : trials) finish_with_predictions(store, trial, shape_images(40));
    }
    report();
    for (const char* name : {"accuracy_by_freeze", "accuracy_by_learning_rate", "accuracy_by_time", "curve_1_accuracy",
                             "curve_1_loss", "parallel_coordinates", "freeze_and_backbone", "confusion"}) {
        const std::string svg = read_file(folder / "figures" / (std::string(name) + ".svg"));
        EXPECT_THAT(svg, AllOf(HasSubstr("xmlns=\"http://www.w3.org/2000/svg\""), Not(HasSubstr("var(")))) << name;
    }
    const std::string command = "python3 -c 'import sys, xml.dom.minidom as m; [m.parse(f) for f in sys.argv[1:]]' " +
                                (folder / "figures").string() + "/*.svg";
    EXPECT_EQ(std::system(command.c_str()), 0) << "not XML, or there is no python3";
}

/// All that stands between two marks, in order.
std::vector<std::string> between(const std::string& text, const std::string& start, const std::string& end) {
    std::vector<std::string> found;
    for (std::size_t at = text.find(start); at != std::string::npos; at = text.find(start, at)) {
        at += start.size();
        found.push_back(text.substr(at, text.find(end, at) - at));
    }
    return found;
}

TEST_F(ReportTest, HasTheSameSectionsInHtmlAndMarkdown) {
    const std::vector<Trial> trials = synthetic_trials(64);
    {
        Store store(path);
        store.begin_sweep(shape_sweep("/nowhere", 40), trials);
        for (std::size_t i = 0; i < 62; ++i) finish_with_predictions(store, trials[i], shape_images(40));
        store.fail_trial(trials[62].id, "out of memory");
        store.record_epoch(trials[63].id, synthetic_epoch(trials[63], 1));
        store.stop_trial(trials[63].id);
        store.record_stage({.kind = "train", .description = "head", .seconds = 1});
    }
    report();
    const std::vector<std::string> titles = between(html, "<h2>", "</h2>");
    EXPECT_EQ(titles.size(), 10U) << "all that there are";
    EXPECT_EQ(titles, between(markdown, "\n## ", "\n"));
    const std::vector<std::string> figures = between(markdown, "](<", ">)");
    EXPECT_EQ(figures.size(), between(html, "<svg ", ">").size());
    for (const std::string& figure : figures) EXPECT_TRUE(std::filesystem::exists(folder / figure)) << figure;
    EXPECT_THAT(markdown,
                AllOf(HasSubstr("\nFirst 25 of 32 rows.\n"), HasSubstr("- square/00.png: square predicted as")));
}

TEST_F(ReportTest, LinksFromMarkdownToFiguresWhereverTheyAre) {
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), synthetic_trials(8));
        for (const Trial& trial : synthetic_trials(8)) finish(store, trial);
    }
    std::filesystem::create_directories(folder / "text");
    write_report(path, html_path, folder / "text/report.md");
    EXPECT_THAT(read_file(folder / "text/report.md"), HasSubstr("](<../figures/curve_1_loss.svg>)"));
    write_report(path, "", folder / "text/report.md");
    EXPECT_THAT(read_file(folder / "text/report.md"), HasSubstr("](<figures/curve_1_loss.svg>)"));
    EXPECT_TRUE(std::filesystem::exists(folder / "text/figures/curve_1_loss.svg"));
}

/// How many points a path has, and how many lines its tips have.
std::pair<std::size_t, std::size_t> points_and_tips(const std::string& path) {
    const auto after = [&](const std::string& start) {
        const std::size_t at = path.find(start) + start.size();
        return path.substr(at, path.find('"', at) - at);
    };
    const std::string d = after(" d=\""), tips = after(" data-tips=\"");
    return {std::count_if(d.begin(), d.end(), [](char c) { return c == 'M' || c == 'L'; }),
            1 + std::count(tips.begin(), tips.end(), '\n')};
}

TEST_F(ReportTest, HasATipForEveryPointOfItsCharts) {
    const std::vector<Trial> trials = synthetic_trials(64);
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        for (const Trial& trial : trials) finish(store, trial);
    }
    report();
    std::size_t paths = 0;
    for (std::size_t at = html.find(" data-tips=\""); at != std::string::npos;
         at = html.find(" data-tips=\"", at + 1)) {
        const std::size_t start = html.rfind("<path", at);
        const auto [points, tips] = points_and_tips(html.substr(start, html.find("/>", at) - start));
        EXPECT_EQ(points, tips);
        ++paths;
    }
    EXPECT_GT(paths, 20U);
    EXPECT_THAT(html, HasSubstr("epoch 8, validation: 9"));
    EXPECT_THAT(html, ContainsRegex("<li>resnet50, freeze [a-z0-9]*, learning rate [0-9.e-]*: 9.\\... % validation "
                                    "accuracy, .* of training</li>"));
}

TEST_F(ReportTest, SaysWhatChangedAccuracyAllElseEqual) {
    std::vector<Trial> trials = synthetic_trials(96);
    {
        Store store(path);
        store.begin_sweep(synthetic_sweep(), trials);
        for (const Trial& trial : trials) finish(store, trial);
    }
    report();
    EXPECT_LT(html.find("<dt>freeze</dt>"), html.find("<dt>learning rate</dt>")) << "freeze depth first";
    EXPECT_THAT(html, AllOf(HasSubstr("Within mobilenet_v2, freezing the first 50 layers beats freezing nothing by "),
                            HasSubstr(" and freezing everything by "), HasSubstr(" points (95 % CI "),
                            HasSubstr(", 4 pairs)"), HasSubstr("Across backbones, by the share of layers frozen, ")));
    EXPECT_THAT(html, HasSubstr("All else equal: resnet50 beats mobilenet_v2 by "));
    EXPECT_THAT(markdown, AllOf(HasSubstr("- **freeze**: Within mobilenet\\_v2, freezing the first 50"),
                                HasSubstr("resnet50 beats mobilenet\\_v2 by ")));
}

TEST_F(ReportTest, SaysWhereItCannotBeWritten) {
    Store store(path);
    EXPECT_THAT([&] { write_report(path, folder / "missing/report.html", {}); },
                ThrowsMessage<UserError>(HasSubstr("missing/report.html")));
}

}  // namespace
}  // namespace thaw
