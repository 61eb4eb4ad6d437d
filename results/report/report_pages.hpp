// The pages of a report, each a pure function of what load_report() found; the charts are in report_figures.hpp.
#pragma once

#include <string>
#include <vector>

#include "results/report/report.hpp"
#include "results/report/report_data.hpp"

namespace thaw {

std::string report_html(const ReportData& data, const Thumbnail& thumbnail);
std::string report_markdown(const ReportData& data);

// Sections of the HTML page that stand in files of their own; empty where there is nothing to show.
std::string problem_one_section(const ReportData& data);  // what every axis changes, with its charts
std::string problem_two_section(const ReportData& data);  // backbones, freeze and backbone
std::string curves_section(const ReportData& data);
std::string time_section(const ReportData& data);                                // and all axes at once
std::string images_section(const ReportData& data, const Thumbnail& thumbnail);  // confusions, photos taken wrongly
std::string stopped_section(const ReportData& data);
std::string failures_section(const ReportData& data);
std::string stages_section(const ReportData& data);
std::string origin_section(const ReportData& data);  // data, environment, the sweep file

std::string html_paragraph(const std::string& text, const char* style);
/// A table around these rows, which scrolls sideways on a narrow screen; scripts make it sort and filter. `headings`
/// starting with ">" are aligned to the right, as numbers are.
std::string html_table(const std::vector<std::string>& headings, const std::string& rows, const std::string& caption);
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
/// "2.3 s of work were saved": what sharing spared, by the number of trials each stage served. Plain text.
std::string sharing_text(const ReportData& data);
/// "A run is in progress (process 1 on host).", "The run was interrupted; ...", or "" for one that ended well.
std::string status_text(const ReportData& data);
/// "10 classes in photos, 538 images to train, ...". Plain text.
std::string data_text(const SweepRecord& sweep);

}  // namespace thaw
