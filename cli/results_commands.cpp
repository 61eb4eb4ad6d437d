#include "cli/results_commands.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/run_option.hpp"
#include "cli/table_option.hpp"
#include "common/util/error.hpp"
#include "results/export/export_optuna.hpp"
#include "results/export/export_rows.hpp"
#include "results/export/export_tensorboard.hpp"
#include "results/query/query.hpp"
#include "results/query/status.hpp"

namespace thaw {
namespace {

constexpr const char* kQueryExamples =
    "Examples:\n  thaw query quickstart --top 5\n"
    "  thaw query quickstart --where \"backbone='efficientnet_lite0' and dropout<0.5\"\n"
    "  thaw query quickstart --group-by backbone,freeze --csv\n"
    "  thaw query quickstart --sort seconds --columns backbone,freeze,accuracy,seconds --top 0\n"
    "  thaw query quickstart --pivot freeze,backbone --format latex\n"
    "  thaw query quickstart --diff 3f2a 9c0d\n"
    "  thaw query quickstart \"SELECT head, max(validation_accuracy) FROM leaderboard GROUP BY head\"\n"
    "`thaw help schema` describes every view and column.";

void add_query(CLI::App& app) {
    struct Query {
        RunOption run;
        QueryOptions options;
        bool best = false;
    };
    const auto asked = std::make_shared<Query>();
    QueryOptions& options = asked->options;
    auto* query = app.add_subcommand("query", "Answer questions about a run: the leaderboard, groups, curves, or SQL");
    asked->run.add_to(*query);
    auto* sql = query->add_option("query", options.query,
                                  "A view (leaderboard, configurations, axis_effects, backbone_comparison, "
                                  "stopped_trials...), a table, or one SQL statement; without: the leaderboard");
    sql->type_name("QUERY");
    query->add_option("--top", options.top, "So many rows, 0: all (default: of the leaderboard 20, of all else all)")
        ->check(CLI::NonNegativeNumber);
    auto* sort = query->add_option("--sort", options.sort, "By this column, the smallest first; before --top");
    sort->type_name("COLUMN");
    query->add_flag("--reverse", options.reverse, "With --sort: the largest first")->needs(sort);
    auto* columns = query->add_option("--columns", options.columns, "Only these columns, by name or heading");
    columns->delimiter(',')->type_name("COLUMN,...");
    auto* where = query->add_option("--where", options.where, "Only trials that meet this condition, in SQL");
    where->type_name("CONDITION");
    auto* group_by = query->add_option("--group-by", options.group_by, "Mean, deviation, number and best by columns");
    group_by->delimiter(',')->type_name("COLUMN,...");
    auto* pivot = query->add_option("--pivot", options.pivot, "One column's values downwards, another's across");
    pivot->delimiter(',')->type_name("DOWN,ACROSS");
    query->add_flag("--best", asked->best, "In cells of --pivot the best configuration over its seeds, not all trials")
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
    for (CLI::Option* other : {pivot, curves, classes, diff}) {
        sort->excludes(other);
        columns->excludes(other);
    }
    add_format_options(*query, options.format);
    query->footer(kQueryExamples);
    query->callback([asked] {
        asked->options.cell = asked->best ? PivotCell::best : PivotCell::all;
        fmt::print("{}", run_query(asked->run.database(), asked->options));
    });
}

void add_status(CLI::App& app) {
    struct Status {
        RunOption run;
        bool json = false;
    };
    const auto asked = std::make_shared<Status>();
    auto* status = app.add_subcommand("status", "How far a run is, also while it runs: trials by state, time left");
    asked->run.add_to(*status);
    status->add_flag("--json", asked->json, "Print JSON");
    status->footer("Examples:\n  thaw status quickstart\n  watch thaw status quickstart");
    status->callback([asked] {
        const RunStatus found = load_status(asked->run.database());
        fmt::print("{}", asked->json ? status_json(found) : status_text(found));
    });
}

void add_list(CLI::App& app) {
    struct List {
        std::string runs = "runs";
        TableFormat format = TableFormat::text;
    };
    const auto asked = std::make_shared<List>();
    auto* list = app.add_subcommand("list", "The runs there are: state, trials, best accuracy, time");
    list->add_option("--runs", asked->runs, "Where run folders lie")->capture_default_str();
    add_format_options(*list, asked->format);
    list->footer("Examples:\n  thaw list\n  thaw list --runs /scratch/runs --csv");
    list->callback([asked] {
        const Table table = list_runs(asked->runs);
        if (table.rows.empty() && asked->format == TableFormat::text)
            fmt::print("There are no runs in {}; `thaw run SWEEP.yaml` makes one.\n", asked->runs);
        else
            fmt::print("{}", to_string(table, asked->format));
    });
}

void add_export(CLI::App& app) {
    struct Export {
        RunOption run;
        std::string csv, json, tensorboard, optuna;
        bool epochs = false;
    };
    const auto asked = std::make_shared<Export>();
    auto* command = app.add_subcommand("export", "Hand a run's results to spreadsheets, TensorBoard, Optuna");
    asked->run.add_to(*command);
    auto* csv = command->add_option("--csv", asked->csv, "One row a trial; - is standard output")->type_name("FILE");
    auto* json = command->add_option("--json", asked->json, "Likewise")->type_name("FILE");
    auto* epochs = command->add_flag("--epochs", asked->epochs, "With --csv or --json: one row an epoch");
    command->add_option("--tensorboard", asked->tensorboard, "Event files: scalars, and the HParams tab")
        ->type_name("FOLDER");
    command->add_option("--optuna", asked->optuna, "A study for Optuna 4 and its dashboard: a new SQLite file")
        ->type_name("FILE.db");
    command->footer(
        "Examples:\n  thaw export quickstart --csv trials.csv\n  thaw export quickstart --json - --epochs\n"
        "  thaw export quickstart --tensorboard events && tensorboard --logdir events\n"
        "  thaw export quickstart --optuna study.db && optuna-dashboard sqlite:///study.db\n"
        "  results/export/mlflow_import.py quickstart    # into MLflow, by its own client");
    command->callback([asked, csv, json, epochs] {
        if (asked->csv.empty() && asked->json.empty() && asked->tensorboard.empty() && asked->optuna.empty())
            throw UserError("say what to write: --csv, --json, --tensorboard or --optuna");
        if (epochs->count() > 0 && csv->count() + json->count() == 0)
            throw UserError("--epochs goes with --csv or --json");
        const Database database = open_results(asked->run.database());
        if (csv->count() > 0) export_rows(database, asked->csv, TableFormat::csv, asked->epochs);
        if (json->count() > 0) export_rows(database, asked->json, TableFormat::json, asked->epochs);
        if (!asked->tensorboard.empty()) export_tensorboard(database, asked->tensorboard);
        if (!asked->optuna.empty()) export_optuna(database, asked->optuna);
    });
}

}  // namespace

void add_results_commands(CLI::App& app) {
    add_query(app);
    add_status(app);
    add_list(app);
    add_export(app);
}

}  // namespace thaw
