#include "coordinator/sweep/read_optimizer.hpp"

#include <set>

#include "common/trial/usual_optimizer.hpp"

namespace thaw {
namespace {

/// A setting that is a number, and whose it is.
struct OptimizerKey {
    const char* name;
    double Optimizer::*member;
    Range range;
    std::set<OptimizerKind> kinds;  // empty: all
};

const Range kBelowOne = {0, true, 1, false}, kEpsilon = {0, false, 1, true};
const Range kDecay = {0, true, 10, true}, kClip = {0, false, 1e9, true};

const std::vector<OptimizerKey>& optimizer_keys() {
    using enum OptimizerKind;
    static const std::vector<OptimizerKey> keys = {
        {"beta1", &Optimizer::beta1, kBelowOne, {adam, adamw}},
        {"beta2", &Optimizer::beta2, kBelowOne, {adam, adamw}},
        {"rho", &Optimizer::rho, kBelowOne, {rmsprop}},
        {"momentum", &Optimizer::momentum, kBelowOne, {sgd, rmsprop}},
        {"epsilon", &Optimizer::epsilon, kEpsilon, {adam, adamw, rmsprop}},
        {"weight_decay", &Optimizer::weight_decay, kDecay, {}},
        {"clipvalue", &Optimizer::clipvalue, kClip, {}},
        {"clipnorm", &Optimizer::clipnorm, kClip, {}},
        {"global_clipnorm", &Optimizer::global_clipnorm, kClip, {}},
    };
    return keys;
}

std::vector<std::string> optimizer_keys(OptimizerKind kind) {
    std::vector<std::string> names;
    for (const OptimizerKey& key : optimizer_keys())
        if (key.kinds.empty() || key.kinds.contains(kind)) names.emplace_back(key.name);
    if (kind == OptimizerKind::sgd) names.emplace_back("nesterov");
    names.emplace_back("style");
    return names;
}

/// Keras refuses it too, and which of them comes first would decide.
void refuse_several_clips(const YamlReader& reader, const YAML::Node& node, const Optimizer& optimizer) {
    const int clips = (optimizer.clipvalue > 0) + (optimizer.clipnorm > 0) + (optimizer.global_clipnorm > 0);
    if (clips > 1)
        reader.fail(node, "{} of clipvalue, clipnorm and global_clipnorm; gradients are clipped in one way: keep one",
                    clips);
}

Optimizer read_optimizer_settings(const AxisContext& context, OptimizerKind kind, const std::string& name,
                                  const YAML::Node& node) {
    const YamlReader& reader = context.reader;
    const auto entries = reader.entries(node, name, optimizer_keys(kind));
    OptimizerStyle style = OptimizerStyle::keras;
    for (const auto& [word, value] : entries)  // first of all: it decides the others' defaults
        if (word == "style")
            style = reader.at(value, [&, &at = value] {
                return parse_name("style", names_of(OptimizerStyle{}), reader.text(at, "style"));
            });
    Optimizer optimizer = usual_optimizer(kind, style);
    for (const auto& [word, value] : entries) {
        if (word == "nesterov") optimizer.nesterov = reader.boolean(value, word);
        for (const OptimizerKey& key : optimizer_keys())
            if (word == key.name) optimizer.*key.member = reader.number(value, word, key.range);
    }
    if (optimizer.nesterov && style == OptimizerStyle::pytorch && optimizer.momentum == 0)
        reader.fail(node, "nesterov without momentum; PyTorch refuses it: add `momentum: 0.9`, or leave it out");
    refuse_several_clips(reader, node, optimizer);
    return optimizer;
}

}  // namespace

Setting read_optimizer(const AxisContext& context, const YAML::Node& node) {
    const YamlReader& reader = context.reader;
    const auto kind_of = [&](const YAML::Node& name) {
        return reader.at(name, [&] { return parse_optimizer_kind(reader.text(name, "optimizer")); });
    };
    if (!node.IsMap()) return usual_optimizer(kind_of(node), OptimizerStyle::keras);
    if (node.size() != 1)
        reader.fail(node, "{} optimizers in one map; write one, or a list: [adam, {{sgd: {{momentum: 0.9}}}}]",
                    node.size());
    const YAML::Node name = node.begin()->first;
    return read_optimizer_settings(context, kind_of(name), name.Scalar(), node.begin()->second);
}

}  // namespace thaw
