// What the store derives from trials and their epochs as it writes them, so that readers need not: where a trial ended,
// averages over seeds, the axes' ranges.
#pragma once

#include <cstdint>
#include <string>

#include "results/database.hpp"

namespace thaw {

/// For an UPDATE of trials that have ended: the columns that repeat what their epochs say.
inline constexpr const char* kEndFromEpochs = R"sql(
(last_epoch, final_train_loss, final_train_accuracy, final_validation_loss, final_validation_accuracy) =
    (SELECT epoch, train_loss, train_accuracy, validation_loss, validation_accuracy
     FROM epochs WHERE trial = trials.id ORDER BY epoch DESC LIMIT 1),
(best_validation_accuracy, best_epoch) =
    (SELECT validation_accuracy, epoch
     FROM epochs WHERE trial = trials.id ORDER BY validation_accuracy DESC, epoch LIMIT 1))sql";

/// Lets this connection's statements call thaw_configuration(data, values...), the hash that tells configurations
/// apart: all that decides a trial's result but its seed.
void add_configuration_function(Database& database);

/// The call, with the columns of `trials`.
std::string configuration_call();

/// A statement that writes the rows of `averages` for the finished trials that meet a condition on `trials`. The
/// deviation is computed in a second pass, from the mean.
std::string average_statement(const std::string& condition);

/// Looks again at the values of the trials on this data.
void refresh_axis_ranges(Database& database, std::int64_t data);

}  // namespace thaw
