// What the store derives from trials and their epochs as it writes them, so that readers need not: where a trial ended,
// averages over seeds, the axes' ranges.
#pragma once

#include <cstdint>
#include <string>

#include "results/store/database.hpp"

namespace thaw {

/// For an UPDATE of trials that have ended: the columns that repeat what their epochs say. `result_epoch`: in SQL,
/// after which epoch the final metrics are; NULL: the last one.
std::string end_from_epochs(const std::string& result_epoch = "NULL");

/// Lets this connection's statements call thaw_configuration(data, values...), the hash that tells configurations
/// apart: all that decides a trial's result but its seed and fold (how many folds there are is part of it).
void add_configuration_function(Database& database);

/// The call, with the columns of `trials`.
std::string configuration_call();

/// A statement that writes the rows of `averages` for the finished trials that meet a condition on `trials`. The
/// deviation is computed in a second pass, from the mean.
std::string average_statement(const std::string& condition);

/// Looks again at the values of the trials on this data.
void refresh_axis_ranges(Database& database, std::int64_t data);

}  // namespace thaw
