#include "results/store/epochs.hpp"

#include <cmath>

namespace thaw {
namespace {

std::optional<double> number_at(const Statement& row, int column) {
    const double value = row.real(column);
    return std::isnan(value) ? std::nullopt : std::optional(value);
}

}  // namespace

EpochRecord read_epoch(const Statement& row) {
    return {.epoch = static_cast<int>(row.integer(0)),
            .train_loss = row.real(1),
            .train_accuracy = row.real(2),
            .validation_loss = row.real(3),
            .validation_accuracy = row.real(4),
            .seconds = row.real(5),
            .weights = row.text(6),
            .validation_auc = number_at(row, 8),
            .validation_top5_accuracy = number_at(row, 9),
            .learning_rate = row.real(7)};
}

}  // namespace thaw
