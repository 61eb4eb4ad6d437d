#include "results/results_commands.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "results/find_results.hpp"
#include "results/query.hpp"
#include "results/report.hpp"

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

void add_query(CLI::App& app) {
    struct Words {
        Run run;
        QueryOptions options;
        bool csv = false, json = false;
    };
    const auto words = std::make_shared<Words>();
    auto* query = app.add_subcommand("query", "Answer questions about a run: the leaderboard, a view, or SQL");
    words->run.add_to(*query);
    query
        ->add_option(
            "query", words->options.query,
            "A view (leaderboard, axis_effects, backbone_comparison, stopped_trials), a table, or one SQL statement; "
            "without: the leaderboard")
        ->type_name("QUERY");
    query->add_option("--top", words->options.top, "Rows of the leaderboard")->capture_default_str();
    auto* csv_flag = query->add_flag("--csv", words->csv, "Print CSV");
    query->add_flag("--json", words->json, "Print JSON")->excludes(csv_flag);
    query->footer(
        "Examples:\n  thaw query quickstart\n  thaw query quickstart axis_effects --csv\n"
        "  thaw query quickstart \"SELECT head, max(validation_accuracy) FROM leaderboard GROUP BY head\"");
    query->callback([words] {
        words->options.format = words->csv ? TableFormat::csv : words->json ? TableFormat::json : TableFormat::text;
        fmt::print("{}", run_query(words->run.database(), words->options));
    });
}

}  // namespace

void add_results_commands(CLI::App& app) {
    add_query(app);
}

void add_report_command(CLI::App& app, const Thumbnail& thumbnail) {
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
    report->callback([words, thumbnail] {
        const fs::path results = words->run.database(), folder = results.parent_path();
        const fs::path page = words->html.empty() ? folder / "report.html" : fs::path(words->html);
        write_report(results, page, words->markdown.empty() ? folder / "report.md" : fs::path(words->markdown),
                     thumbnail);
        fmt::print("{}\n", fs::absolute(page).string());
    });
}

}  // namespace thaw
