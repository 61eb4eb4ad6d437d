// What is measured at every epoch of a trial.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace thaw {

struct EpochMetrics {
    int epoch = 0;                              // 1 is the first
    double train_loss = 0, train_accuracy = 0;  // averaged over the epoch while it trains, dropout on, as Keras does
    double validation_loss = 0, validation_accuracy = 0;  // after the epoch
    double seconds = 0;                                   // this epoch's training and evaluation
    /// What each validation image was taken for after the epoch, by its place among them; -1: it could not be read.
    /// Only of epochs that end a trial.
    std::vector<int> predicted = {};
    std::string weights = {};  // fingerprint of the trained parameters after the epoch: equal trainings have equal ones
    /// Where there are two classes: the area under the ROC curve of the second one's probability; more than five: how
    /// often the label is among the five likeliest classes.
    std::optional<double> validation_auc = {}, validation_top5_accuracy = {};
    double learning_rate = 0;  // that it was trained with; 0: it is not known
};
void to_json(nlohmann::json& json, const EpochMetrics& metrics);
void from_json(const nlohmann::json& json, EpochMetrics& metrics);

}  // namespace thaw
