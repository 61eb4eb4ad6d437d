#include "results/report/report.hpp"

#include <system_error>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "results/report/report_data.hpp"
#include "results/report/report_figures.hpp"
#include "results/report/report_pages.hpp"

namespace thaw {

void write_report(const std::filesystem::path& database, const std::filesystem::path& html,
                  const std::filesystem::path& markdown, const Thumbnail& thumbnail) {
    const ReportData data = load_report(database);
    try {
        if (!html.empty()) write_file(html, report_html(data, thumbnail));
        if (!markdown.empty()) write_file(markdown, report_markdown(data));
        const auto figures = html.empty() ? decltype(figure_files(data)){} : figure_files(data);
        if (!figures.empty()) std::filesystem::create_directories(html.parent_path() / "figures");
        for (const auto& [name, svg] : figures) write_file(html.parent_path() / "figures" / (name + ".svg"), svg);
    } catch (const std::system_error& error) {
        throw UserError("cannot write the report: {}", error.what());
    }
}

}  // namespace thaw
