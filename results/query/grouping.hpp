// Finished trials in groups: how accurate those are that share the values of some columns, as rows or as a pivot table.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/util/table.hpp"
#include "results/store/database.hpp"

namespace thaw {

/// Of the values that are numbers.
struct Summary {
    std::int64_t count = 0;
    double mean = 0, sd = 0;  // of the sample, by a second pass; NaN for less than one value, or two
};
Summary summary_of(std::span<const double> values);

/// A row for each combination of values of these columns of the leaderboard, the best mean first: trials, mean,
/// standard deviation and best of validation accuracy, and who has that. `condition`: of the trials that meet it, in
/// SQL. Throws UserError: no such column.
Table group_table(const Database& database, const std::vector<std::string>& columns, const std::string& condition,
                  TableFormat format);

/// What a cell of a pivot table is made of: all its trials, or the seeds of its best configuration.
enum class PivotCell { all, best };

/// One column's values downwards, the other's across; each cell holds mean and standard deviation, for machines each in
/// a column of its own.
Table pivot_table(const Database& database, const std::string& down, const std::string& across,
                  const std::string& condition, PivotCell cell, TableFormat format);

}  // namespace thaw
