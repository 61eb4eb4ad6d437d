// The rows of table epochs, as whoever shows or exports a trial's epochs reads them.
#pragma once

#include "results/store/database.hpp"
#include "results/store/store.hpp"

namespace thaw {

/// The columns of read_epoch(), for a SELECT from epochs.
inline constexpr const char* kEpochColumns =
    "epoch, train_loss, train_accuracy, validation_loss, validation_accuracy, seconds, weights,"
    " coalesce(learning_rate, 0.0), validation_auc, validation_top5_accuracy";

/// Metrics that were not finite numbers are NaN; without what each image was taken for.
EpochRecord read_epoch(const Statement& row);

}  // namespace thaw
