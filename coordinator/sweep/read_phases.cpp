#include "coordinator/sweep/read_phases.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace thaw {
namespace {

constexpr std::size_t kMostPhases = 16;

PhaseSetting read_phase(const AxisContext& context, const YAML::Node& node) {
    const auto read = [&](AxisId id, const YAML::Node& value) { return axis_kind(id).read(context, value); };
    PhaseSetting phase;
    for (const auto& [key, value] : context.reader.entries(node, "phases", {"freeze", "learning_rate", "epochs"})) {
        if (key == "freeze") phase.freeze = std::get<std::string>(read(axis_id("freeze"), value));
        if (key == "learning_rate") phase.learning_rate = std::get<double>(read(axis_id("learning_rate"), value));
        if (key == "epochs") phase.epochs = static_cast<int>(std::get<std::int64_t>(read(axis_id("epochs"), value)));
    }
    if (phase.epochs == 0)
        context.reader.fail(node, "a phase without epochs; say how long it trains: {{freeze: all, epochs: 3}}");
    return phase;
}

std::string phase_text(const PhaseSetting& phase) {
    std::string text;
    if (phase.freeze) text += fmt::format("freeze: {}, ", *phase.freeze);
    if (phase.learning_rate) text += fmt::format("learning_rate: {}, ", *phase.learning_rate);
    return fmt::format("{{{}epochs: {}}}", text, phase.epochs);
}

}  // namespace

Setting read_phases(const AxisContext& context, const YAML::Node& node) {
    PhasesSetting phases;
    if (node.IsMap()) {
        phases.push_back(read_phase(context, node));
        return phases;
    }
    const bool maps = node.IsSequence() && node.size() > 0 &&
                      std::all_of(node.begin(), node.end(), [](const auto& element) { return element.IsMap(); });
    if (!maps) {
        if (node.IsScalar() && node.Scalar() == "none") return phases;
        context.reader.fail(node,
                            "phases is {}; write none, {{freeze: all, learning_rate: 1e-3, epochs: 3}} for one phase "
                            "before the trial's own, or [[{{...}}, {{...}}]] for two, one after the other ([{{...}}, "
                            "{{...}}] are two values of one phase each)",
                            describe(node));
    }
    if (node.size() > kMostPhases)
        context.reader.fail(node, "{} phases, one after the other; at most {} are possible", node.size(), kMostPhases);
    for (const YAML::Node& element : node) phases.push_back(read_phase(context, element));
    return phases;
}

void assign_phases(Trial& trial, const Setting& setting) {
    trial.phases.clear();
    for (const PhaseSetting& phase : std::get<PhasesSetting>(setting))
        trial.phases.push_back(
            {phase.freeze.value_or(trial.freeze), phase.learning_rate.value_or(trial.learning_rate), phase.epochs});
}

std::string phases_text(const PhasesSetting& phases) {
    if (phases.empty()) return "none";
    std::vector<std::string> texts;
    for (const PhaseSetting& phase : phases) texts.push_back(phase_text(phase));
    return fmt::format("[{}]", fmt::join(texts, ", "));
}

void refuse_phases_that_may_be_stopped(const Sweep& sweep) {
    if (std::holds_alternative<std::monostate>(sweep.search.stopping)) return;
    const auto refuse = [&](const std::vector<Axis>& axes) {
        for (const Axis& axis : axes) {
            if (axis.id != axis_id("phases")) continue;
            for (const AxisValue& value : axis.values)
                if (!std::get<PhasesSetting>(value.setting).empty())
                    throw error_at(sweep.source, value.place,
                                   "phases in a search that stops trials: epochs of different phases are not to be "
                                   "compared; remove asha or median from `search`, or the phases");
        }
    };
    refuse(sweep.axes);
    for (const Rule& rule : sweep.when) refuse(rule.then);
}

}  // namespace thaw
