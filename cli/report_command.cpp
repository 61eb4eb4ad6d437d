#include "cli/report_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "cli/run_option.hpp"
#include "results/report/report.hpp"
#include "worker/data/thumbnail.hpp"

namespace thaw {

namespace fs = std::filesystem;

void add_report_command(CLI::App& app) {
    struct Report {
        RunOption run;
        std::string html, markdown;
    };
    const auto asked = std::make_shared<Report>();
    auto* report = app.add_subcommand("report", "Write the comparison report of a run, finished or not");
    asked->run.add_to(*report);
    report->add_option("--html", asked->html,
                       "Default: report.html beside the results; its charts go into figures/ there");
    report->add_option("--markdown", asked->markdown, "Default: report.md beside the results");
    report->footer("Example: thaw report quickstart");
    report->callback([asked] {
        const fs::path results = asked->run.database(), folder = results.parent_path();
        const fs::path page = asked->html.empty() ? folder / "report.html" : fs::path(asked->html);
        write_report(results, page, asked->markdown.empty() ? folder / "report.md" : fs::path(asked->markdown),
                     thumbnail);
        fmt::print("{}\n", fs::absolute(page).string());
    });
}

}  // namespace thaw
