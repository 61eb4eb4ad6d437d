#include "common/trial/epoch_metrics.hpp"

#include <nlohmann/json.hpp>

namespace thaw {

void to_json(nlohmann::json& json, const EpochMetrics& metrics) {
    json = {{"epoch", metrics.epoch},
            {"train_loss", metrics.train_loss},
            {"train_accuracy", metrics.train_accuracy},
            {"validation_loss", metrics.validation_loss},
            {"validation_accuracy", metrics.validation_accuracy},
            {"seconds", metrics.seconds},
            {"learning_rate", metrics.learning_rate},
            {"weights", metrics.weights}};
    if (metrics.validation_auc) json["validation_auc"] = *metrics.validation_auc;
    if (metrics.validation_top5_accuracy) json["validation_top5_accuracy"] = *metrics.validation_top5_accuracy;
    if (!metrics.predicted.empty()) json["predicted"] = metrics.predicted;
}

void from_json(const nlohmann::json& json, EpochMetrics& metrics) {
    json.at("epoch").get_to(metrics.epoch);
    json.at("train_loss").get_to(metrics.train_loss);
    json.at("train_accuracy").get_to(metrics.train_accuracy);
    json.at("validation_loss").get_to(metrics.validation_loss);
    json.at("validation_accuracy").get_to(metrics.validation_accuracy);
    json.at("seconds").get_to(metrics.seconds);
    json.at("weights").get_to(metrics.weights);
    metrics.learning_rate = json.value("learning_rate", 0.0);
    if (json.contains("validation_auc")) metrics.validation_auc = json["validation_auc"].get<double>();
    if (json.contains("validation_top5_accuracy"))
        metrics.validation_top5_accuracy = json["validation_top5_accuracy"].get<double>();
    if (json.contains("predicted")) json.at("predicted").get_to(metrics.predicted);
}

}  // namespace thaw
