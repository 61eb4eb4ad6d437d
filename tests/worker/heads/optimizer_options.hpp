// The cases of golden/optimizer_options.json: optimizers of both styles with all their options, and where ten steps of
// the small head end by Keras or PyTorch.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/trial/optimizer.hpp"
#include "common/util/settings_json.hpp"

namespace thaw {

struct OptionsCase {
    Optimizer optimizer;
    double loss;                     // of the tenth batch
    std::vector<double> parameters;  // in HeadLayout's order
    /// Keras' torch back end rounds norms to float32 where it compares them with a limit.
    double tolerance() const {
        const bool rounded = optimizer.clipnorm > 0 || optimizer.global_clipnorm > 0;
        return rounded && optimizer.style == OptimizerStyle::keras ? 1e-7 : 1e-12;
    }
};

constexpr double kLaterRate = 0.02;  // from this step on, after small_head's own
constexpr int kRateChanges = 5, kGoldenSteps = 10;

inline std::vector<OptionsCase> optimizer_options() {
    std::ifstream file(std::string(THAW_SOURCE_DIR) + "/tests/worker/heads/golden/optimizer_options.json");
    std::vector<OptionsCase> cases;
    for (const auto& golden : nlohmann::json::parse(file)) {
        const auto style =
            parse_name("style", names_of(OptimizerStyle{}), golden.at("options").at("style").get<std::string>());
        nlohmann::json settings = usual_optimizer(parse_optimizer_kind(golden.at("kind")), style);
        settings.update(golden.at("options"));
        const auto optimizer = settings.get<Optimizer>();
        cases.push_back({optimizer, golden.at("loss"), golden.at("parameters")});
    }
    return cases;
}

}  // namespace thaw
