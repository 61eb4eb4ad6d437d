#include "coordinator/sweep/read_optimizer.hpp"

#include "coordinator/sweep/read_settings.hpp"

namespace thaw {

std::vector<std::string> optimizer_keys(OptimizerKind kind) {
    std::vector<std::string> names;
    for (const char* name : optimizer_row(kind).settings)
        if (name) names.emplace_back(name);
    names.insert(names.end(), kSettingsOfAllOptimizers.begin(), kSettingsOfAllOptimizers.end());
    return names;
}

namespace {

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
    Optimizer optimizer;
    const auto read = [&](const auto& entry) {
        read_setting(reader, entry.second, setting_row(setting_rows(optimizer), entry.first), optimizer);
    };
    for (const auto& entry : entries)  // first of all: it decides the others' defaults
        if (entry.first == "style") read(entry);
    optimizer = usual_optimizer(kind, optimizer.style);
    for (const auto& entry : entries) read(entry);
    if (optimizer.nesterov && optimizer.style == OptimizerStyle::pytorch && optimizer.momentum == 0)
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
