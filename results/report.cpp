#include "results/report.hpp"

#include <system_error>

#include "common/atomic_file.hpp"
#include "common/error.hpp"
#include "results/report_data.hpp"
#include "results/report_pages.hpp"

namespace thaw {
namespace {

void write_page(const std::filesystem::path& path, const std::string& text) {
    if (path.empty()) return;
    try {
        write_file(path, text);
    } catch (const std::system_error& error) {
        throw UserError("cannot write the report: {}", error.what());
    }
}

}  // namespace

void write_report(const std::filesystem::path& database, const std::filesystem::path& html,
                  const std::filesystem::path& markdown) {
    const ReportData data = load_report(database);
    write_page(html, report_html(data));
    write_page(markdown, report_markdown(data));
}

}  // namespace thaw
