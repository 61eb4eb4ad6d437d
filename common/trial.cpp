#include "common/trial.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/fingerprint.hpp"
#include "common/names.hpp"

namespace thaw {

namespace {

const NameTable<Pooling> kPoolings = {{Pooling::average, "avg"}, {Pooling::max, "max"}, {Pooling::flatten, "flatten"}};
const NameTable<OptimizerKind> kOptimizers = {
    {OptimizerKind::adam, "adam"}, {OptimizerKind::sgd, "sgd"}, {OptimizerKind::rmsprop, "rmsprop"}};

}  // namespace

void to_json(nlohmann::json& json, Pooling pooling) {
    json = to_string(pooling);
}
void from_json(const nlohmann::json& json, Pooling& pooling) {
    pooling = parse_pooling(json.get<std::string>());
}
void to_json(nlohmann::json& json, OptimizerKind kind) {
    json = to_string(kind);
}
void from_json(const nlohmann::json& json, OptimizerKind& kind) {
    kind = parse_optimizer_kind(json.get<std::string>());
}
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Optimizer, kind, momentum, nesterov, beta1, beta2, rho, epsilon)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Head, pooling, widths)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Trial, backbone, weights, freeze, head, dropout, optimizer, learning_rate,
                                   batch_size, epochs, seed, image_size, frozen_layers, cut, id)

const char* to_string(Pooling pooling) {
    return name_of(kPoolings, pooling);
}

const char* to_string(OptimizerKind kind) {
    return name_of(kOptimizers, kind);
}

Pooling parse_pooling(const std::string& name) {
    return parse_name("pooling", kPoolings, name);
}

OptimizerKind parse_optimizer_kind(const std::string& name) {
    return parse_name("optimizer", kOptimizers, name);
}

std::string head_name(const Head& head) {
    return head.widths.empty() ? "none" : fmt::format("{}", fmt::join(head.widths, "-"));
}

std::string dropout_name(const std::vector<double>& dropout) {
    if (dropout.empty()) return "0";
    const bool all_equal = std::all_of(dropout.begin(), dropout.end(), [&](double rate) { return rate == dropout[0]; });
    return all_equal ? fmt::format("{}", dropout[0]) : fmt::format("{}", fmt::join(dropout, "-"));
}

std::string optimizer_name(const Optimizer& optimizer) {
    const Optimizer defaults;
    std::vector<std::string> changed;
    const auto note = [&](const char* name, auto value, auto usual) {
        if (value != usual) changed.push_back(fmt::format("{}={}", name, value));
    };
    note("momentum", optimizer.momentum, defaults.momentum);
    note("nesterov", optimizer.nesterov, defaults.nesterov);
    note("beta1", optimizer.beta1, defaults.beta1);
    note("beta2", optimizer.beta2, defaults.beta2);
    note("rho", optimizer.rho, defaults.rho);
    note("epsilon", optimizer.epsilon, defaults.epsilon);
    if (changed.empty()) return to_string(optimizer.kind);
    return fmt::format("{}({})", to_string(optimizer.kind), fmt::join(changed, ","));
}

nlohmann::json to_json(const Trial& trial) {
    return nlohmann::json(trial);
}

Trial trial_from_json(const nlohmann::json& json) {
    return json.get<Trial>();
}

std::string trial_id(const Trial& trial, const std::string& context) {
    nlohmann::json decisive = trial;
    decisive.erase("id");
    decisive.erase("weights");  // their content is in the context; a path decides nothing
    decisive.erase("freeze");   // two spellings of one depth are one trial
    return Fingerprint().add(context).add(decisive.dump()).hex().substr(0, 16);
}

}  // namespace thaw
