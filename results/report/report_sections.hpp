// The sections of a report, a function each: their blocks, none where there is nothing to show. A table in
// report_document.cpp has their titles and their order.
#pragma once

#include "results/report/report_data.hpp"
#include "results/report/report_document.hpp"

namespace thaw {

Blocks problem_one_section(const ReportData& data);  // what every axis changes, with its charts
Blocks problem_two_section(const ReportData& data);  // backbones, freeze and backbone
Blocks curves_section(const ReportData& data);
Blocks time_section(const ReportData& data);    // and all axes at once
Blocks images_section(const ReportData& data);  // confusions, photos taken wrongly
Blocks leaderboard_section(const ReportData& data);
Blocks stopped_section(const ReportData& data);
Blocks failures_section(const ReportData& data);
Blocks stages_section(const ReportData& data);
Blocks origin_section(const ReportData& data);  // data, environment, the sweep file

}  // namespace thaw
