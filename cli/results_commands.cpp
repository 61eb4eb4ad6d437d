#include "cli/results_commands.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "cli/table_option.hpp"
#include "common/util/error.hpp"
#include "results/export/export_optuna.hpp"
#include "results/export/export_rows.hpp"
#include "results/export/export_tensorboard.hpp"
#include "results/query/find_results.hpp"
#include "results/query/query.hpp"
#include "results/query/status.hpp"
#include "results/report/report.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

/// Which run a command is about.
struct Run {
    std::string name, runs = "runs";

    void add_to(CLI::App& command) {
        command.add_option("run", name, "A sweep's name, its run folder, or its results.db")
            ->required()
            ->type_name("RUN");
        command.add_option("--runs", runs, "Where run folders lie")->capture_default_str();
    }
    fs::path database() const { return find_results(name, runs); }
};

constexpr const char* kQueryExamples =
    "Examples:\n  thaw query quickstart --top 5\n"
    "  thaw query quickstart --where \"backbone='efficientnet_lite0' and dropout<0.5\"\n"
    "  thaw query quickstart --group-by backbone,freeze --csv\n"
    "  thaw query quickstart --pivot freeze,backbone --format latex\n"
    "  thaw query quickstart --diff 3f2a 9c0d\n"
    "  thaw query quickstart \"SELECT head, max(validation_accuracy) FROM leaderboard GROUP BY head\"\n"
    "`thaw help schema` describes every view and column.";

void add_query(CLI::App& app) {
    struct Words {
        Run run;
        QueryOptions options;
        bool best = false;
    };
    const auto words = std::make_shared<Words>();
    QueryOptions& options = words->options;
    auto* query = app.add_subcommand("query", "Answer questions about a run: the leaderboard, groups, curves, or SQL");
    words->run.add_to(*query);
    auto* sql = query->add_option("query", options.query,
                                  "A view (leaderboard, configurations, axis_effects, backbone_comparison, "
                                  "stopped_trials...), a table, or one SQL statement; without: the leaderboard");
    sql->type_name("QUERY");
    query->add_option("--top", options.top, "So many rows (default: of the leaderboard 20, of all else all)")
        ->check(CLI::NonNegativeNumber);
    auto* where = query->add_option("--where", options.where, "Only trials that meet this condition, in SQL");
    where->type_name("CONDITION");
    auto* group_by = query->add_option("--group-by", options.group_by, "Mean, deviation, number and best by columns");
    group_by->delimiter(',')->type_name("COLUMN,...");
    auto* pivot = query->add_option("--pivot", options.pivot, "One column's values downwards, another's across");
    pivot->delimiter(',')->type_name("DOWN,ACROSS");
    query->add_flag("--best", words->best, "In cells of --pivot the best configuration over its seeds, not all trials")
        ->needs(pivot);
    auto* curves = query->add_option("--curves", options.curves, "A trial's epochs; its id's first digits name it");
    curves->type_name("TRIAL");
    auto* classes = query->add_option("--classes", options.classes, "A trial's precision, recall and F1 by class");
    classes->type_name("TRIAL");
    auto* diff = query->add_option("--diff", options.diff, "How two trials differ, and their epochs side by side");
    diff->expected(2)->type_name("TRIAL");
    auto* failed = query->add_flag("--failed", options.failed, "The failed trials and why");
    const std::vector<CLI::Option*> questions = {sql, group_by, pivot, curves, classes, diff, failed};
    for (std::size_t i = 0; i < questions.size(); ++i)
        for (std::size_t other = 0; other < i; ++other) questions[i]->excludes(questions[other]);
    for (CLI::Option* other : {sql, curves, classes, diff, failed}) where->excludes(other);
    add_format_options(*query, options.format);
    query->footer(kQueryExamples);
    query->callback([words] {
        words->options.cell = words->best ? PivotCell::best : PivotCell::all;
        fmt::print("{}", run_query(words->run.database(), words->options));
    });
}

void add_status(CLI::App& app) {
    struct Words {
        Run run;
        bool json = false;
    };
    const auto words = std::make_shared<Words>();
    auto* status = app.add_subcommand("status", "How far a run is, also while it runs: trials by state, time left");
    words->run.add_to(*status);
    status->add_flag("--json", words->json, "Print JSON");
    status->footer("Examples:\n  thaw status quickstart\n  watch thaw status quickstart");
    status->callback([words] {
        const RunStatus found = load_status(words->run.database());
        fmt::print("{}", words->json ? status_json(found) : status_text(found));
    });
}

void add_export(CLI::App& app) {
    struct Words {
        Run run;
        std::string csv, json, tensorboard, optuna;
        bool epochs = false;
    };
    const auto words = std::make_shared<Words>();
    auto* command = app.add_subcommand("export", "Hand a run's results to spreadsheets, TensorBoard, Optuna");
    words->run.add_to(*command);
    auto* csv = command->add_option("--csv", words->csv, "One row a trial; - is standard output")->type_name("FILE");
    auto* json = command->add_option("--json", words->json, "Likewise")->type_name("FILE");
    auto* epochs = command->add_flag("--epochs", words->epochs, "With --csv or --json: one row an epoch");
    command->add_option("--tensorboard", words->tensorboard, "Event files: scalars, and the HParams tab")
        ->type_name("FOLDER");
    command->add_option("--optuna", words->optuna, "A study for Optuna 4 and its dashboard: a new SQLite file")
        ->type_name("FILE.db");
    command->footer(
        "Examples:\n  thaw export quickstart --csv trials.csv\n  thaw export quickstart --json - --epochs\n"
        "  thaw export quickstart --tensorboard events && tensorboard --logdir events\n"
        "  thaw export quickstart --optuna study.db && optuna-dashboard sqlite:///study.db\n"
        "  results/export/mlflow_import.py quickstart    # into MLflow, by its own client");
    command->callback([words, csv, json, epochs] {
        if (words->csv.empty() && words->json.empty() && words->tensorboard.empty() && words->optuna.empty())
            throw UserError("say what to write: --csv, --json, --tensorboard or --optuna");
        if (epochs->count() > 0 && csv->count() + json->count() == 0)
            throw UserError("--epochs goes with --csv or --json");
        const Database database = open_results(words->run.database());
        if (csv->count() > 0) export_rows(database, words->csv, TableFormat::csv, words->epochs);
        if (json->count() > 0) export_rows(database, words->json, TableFormat::json, words->epochs);
        if (!words->tensorboard.empty()) export_tensorboard(database, words->tensorboard);
        if (!words->optuna.empty()) export_optuna(database, words->optuna);
    });
}

}  // namespace

void add_results_commands(CLI::App& app) {
    add_query(app);
    add_status(app);
    add_export(app);
}

void add_report_command(CLI::App& app, Thumbnail thumbnail) {
    struct Words {
        Run run;
        std::string html, markdown;
    };
    const auto words = std::make_shared<Words>();
    auto* report = app.add_subcommand("report", "Write the comparison report of a run, finished or not");
    words->run.add_to(*report);
    report->add_option("--html", words->html,
                       "Default: report.html beside the results; its charts go into figures/ there");
    report->add_option("--markdown", words->markdown, "Default: report.md beside the results");
    report->footer("Example: thaw report quickstart");
    report->callback([words, thumbnail = std::move(thumbnail)] {
        const fs::path results = words->run.database(), folder = results.parent_path();
        const fs::path page = words->html.empty() ? folder / "report.html" : fs::path(words->html);
        write_report(results, page, words->markdown.empty() ? folder / "report.md" : fs::path(words->markdown),
                     thumbnail);
        fmt::print("{}\n", fs::absolute(page).string());
    });
}

}  // namespace thaw
