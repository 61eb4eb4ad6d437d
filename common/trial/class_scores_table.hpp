// Precision, recall and F1 by class as a table, for every command that shows them.
#pragma once

#include <string>
#include <vector>

#include "common/trial/classification_metrics.hpp"
#include "common/util/table.hpp"

namespace thaw {

/// Name of the row below the classes.
inline constexpr const char* kMacroAverage = "macro average";

/// A row a class, and last their macro average, which is no class of its own: class, images, predicted, precision,
/// recall, F1. What would be divided by zero is undefined and has no value (the average counts it as 0).
Table class_scores_table(const std::vector<std::string>& classes, const std::vector<ClassScores>& scores);

}  // namespace thaw
