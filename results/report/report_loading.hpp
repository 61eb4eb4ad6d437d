// Parts of load_report() that stand in a file of their own.
#pragma once

#include "results/report/report_data.hpp"
#include "results/store/database.hpp"

namespace thaw {

/// Predictions of the winner's trials, the runner-up's and each backbone's best; those of the test images that there
/// are. Nothing from a database of an older schema.
void load_predictions(const Database& database, ReportData& data);

/// What the backbones in the analysis cost, from their layer graphs and the stages that were measured.
void load_costs(const Database& database, ReportData& data);

}  // namespace thaw
