// The cases of golden/optimizer_options.json: optimizers of both styles with all their options, and where ten steps of
// the small head end by Keras or PyTorch.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/trial/usual_optimizer.hpp"

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
        nlohmann::json options = golden.at("options");
        const auto style = parse_name("style", names_of(OptimizerStyle{}), options.at("style").get<std::string>());
        Optimizer optimizer = usual_optimizer(parse_optimizer_kind(golden.at("kind")), style);
        const auto take = [&](const char* name, auto& member) { member = options.value(name, member); };
        take("momentum", optimizer.momentum);
        take("nesterov", optimizer.nesterov);
        take("beta1", optimizer.beta1);
        take("beta2", optimizer.beta2);
        take("rho", optimizer.rho);
        take("epsilon", optimizer.epsilon);
        take("weight_decay", optimizer.weight_decay);
        take("clipvalue", optimizer.clipvalue);
        take("clipnorm", optimizer.clipnorm);
        take("global_clipnorm", optimizer.global_clipnorm);
        cases.push_back({optimizer, golden.at("loss"), golden.at("parameters")});
    }
    return cases;
}

}  // namespace thaw
