// The sections of a report, a function each: their blocks, none where there is nothing to show. A table in
// report_document.cpp has their titles and their order.
#pragma once

#include "results/report/report_data.hpp"
#include "results/report/report_document.hpp"

namespace thaw {

Blocks effects_section(const ReportData& data);    // what every axis changes, with its charts
Blocks backbones_section(const ReportData& data);  // and backbone by depth
Blocks curves_section(const ReportData& data);
Blocks time_section(const ReportData& data);    // the Pareto front, and parallel coordinates
Blocks images_section(const ReportData& data);  // confusion matrix, misclassified images
Blocks leaderboard_section(const ReportData& data);
Blocks pruned_section(const ReportData& data);
Blocks failures_section(const ReportData& data);
Blocks stages_section(const ReportData& data);
Blocks origin_section(const ReportData& data);  // data, environment, the sweep file

}  // namespace thaw
