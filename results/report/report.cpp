#include "results/report/report.hpp"

#include <system_error>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "results/report/report_data.hpp"
#include "results/report/report_document.hpp"
#include "results/report/report_sentences.hpp"

namespace thaw {

std::string write_report(const std::filesystem::path& database, const std::filesystem::path& html,
                         const std::filesystem::path& markdown, const Thumbnail& thumbnail) {
    const ReportData data = load_report(database);
    const Document document = report_document(data);
    const std::filesystem::path folder = (html.empty() ? markdown : html).parent_path() / "figures";
    try {
        if (!html.empty()) write_file(html, report_html(document, thumbnail));
        if (!markdown.empty())
            write_file(markdown, report_markdown(document, folder.lexically_proximate(markdown.parent_path())));
        const auto figures = figure_files(document);
        if (!figures.empty()) std::filesystem::create_directories(folder);
        for (const auto& [name, svg] : figures) write_file(folder / (name + ".svg"), svg);
    } catch (const std::system_error& error) {
        throw UserError("cannot write the report: {}", error.what());
    }
    return trained_copies_text(data);
}

}  // namespace thaw
