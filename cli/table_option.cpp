#include "cli/table_option.hpp"

#include <CLI/CLI.hpp>
#include <map>

namespace thaw {

void add_format_options(CLI::App& command, TableFormat& format) {
    static const std::map<std::string, TableFormat> kFormats = {{"text", TableFormat::text},
                                                                {"markdown", TableFormat::markdown},
                                                                {"latex", TableFormat::latex},
                                                                {"csv", TableFormat::csv},
                                                                {"json", TableFormat::json}};
    auto* option = command.add_option("--format", format, "Of the table: text, markdown, latex, csv or json")
                       ->transform(CLI::CheckedTransformer(kFormats).description(""))
                       ->type_name("FORMAT");
    auto* csv = command.add_flag_callback(
        "--csv", [&format] { format = TableFormat::csv; }, "--format csv");
    auto* json = command.add_flag_callback(
        "--json", [&format] { format = TableFormat::json; }, "--format json");
    csv->excludes(option);
    json->excludes(option)->excludes(csv);
}

}  // namespace thaw
