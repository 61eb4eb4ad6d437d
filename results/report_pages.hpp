// The pages of a report, each a pure function of what load_report() found; the charts are in report_charts.hpp.
#pragma once

#include <string>

#include "results/report_data.hpp"

namespace thaw {

std::string report_html(const ReportData& data);
std::string report_markdown(const ReportData& data);

// Sections of the HTML page that stand in files of their own; empty where there is nothing to show.
std::string charts_section(const ReportData& data);  // curves, accuracy by axis
std::string stopped_section(const ReportData& data);
std::string failures_section(const ReportData& data);
std::string stages_section(const ReportData& data);
std::string origin_section(const ReportData& data);  // data, environment, the sweep file

/// A table around these rows, which scrolls sideways on a narrow screen. `headings` starting with ">" are aligned to
/// the right, as numbers are.
std::string html_table(const std::vector<std::string>& headings, const std::string& rows, bool sortable = false);
/// Cells of a table, their text escaped; numbers are aligned to the right and sorted by `key`, where given.
std::string html_cell(const std::string& text);
std::string html_number(const std::string& text);
std::string html_number(const std::string& text, double key);
/// The backbone's name, with a mark where its weights are random.
std::string html_backbone(const std::string& backbone, const std::string& weights);
/// The same for a trial, with another mark where its precision is bf16.
std::string html_backbone(const AxisValues& values);

/// "predicted 9.8 s, measured 10.6 s (8 % more)". Plain text.
std::string run_total_text(const RunTotal& total);
/// What the best accuracy was measured on, and how many trials chance alone may have put below it. Plain text.
std::string certainty_text(const ReportData& data);
/// "A run is in progress (process 1 on host).", "The run was interrupted; ...", or "" for one that ended well.
std::string status_text(const ReportData& data);

}  // namespace thaw
