#include "coordinator/sweep/axes.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "coordinator/sweep/distribution.hpp"
#include "coordinator/sweep/read_augment.hpp"
#include "coordinator/sweep/read_head.hpp"
#include "coordinator/sweep/read_loss.hpp"
#include "coordinator/sweep/read_optimizer.hpp"
#include "coordinator/sweep/read_phases.hpp"
#include "coordinator/sweep/read_training_control.hpp"
#include "coordinator/sweep/sweep_path.hpp"

namespace thaw {
namespace {

const Range kRate = {0, true, 1, false};

Setting read_backbone(const AxisContext& context, const YAML::Node& node) {
    const std::vector<std::string>& known = context.vocabulary.backbones;
    return known.empty() ? context.reader.text(node, "backbone")
                         : context.reader.word(node, "backbone", known, "thaw backbones");
}

/// A name is made of letters, digits, - and _; all else ("vgg.pth", "./vgg") is a path.
bool is_name(const std::string& text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_'; });
}

std::string read_weights_name(const AxisContext& context, const YAML::Node& node) {
    const std::string text = context.reader.text(node, "weights");
    if (!is_name(text)) return read_path(context.reader, node, "weights").string();
    std::vector<std::string> known = context.vocabulary.weights;
    if (known.empty()) return text;
    known.insert(known.end(), {"imagenet", "random"});
    return context.reader.word(node, "weights", known, "thaw weights");
}

Setting read_weights(const AxisContext& context, const YAML::Node& node) {
    if (!node.IsMap()) return WeightsSetting{read_weights_name(context, node), {}};
    WeightsSetting weights;
    const std::vector<std::string>& preprocessings = context.vocabulary.preprocessings;
    for (const auto& [key, value] : context.reader.entries(node, "weights", {"file", "preprocessing", "padding"})) {
        if (key == "file") weights.name = read_path(context.reader, value, "weights.file").string();
        if (key == "padding")
            weights.override.padding = context.reader.word(value, "padding", {"symmetric", "tensorflow"});
        if (key == "preprocessing")
            weights.override.preprocessing = preprocessings.empty()
                                                 ? context.reader.text(value, "preprocessing")
                                                 : context.reader.word(value, "preprocessing", preprocessings);
    }
    if (weights.name.empty())
        context.reader.fail(node, "weights is a map without 'file'; say which file this is about");
    return weights;
}

/// YAML has many words for yes and no; here they most likely mean all and none.
Setting read_freeze(const AxisContext& context, const YAML::Node& node) {
    const std::string text = context.reader.text(node, "freeze");
    if (!text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) && text.find('.') != std::string::npos &&
        !text.ends_with('%'))
        context.reader.fail(node, "freeze is '{}', which could be a share or a number of layers; write {}% or {}", text,
                            std::atof(text.c_str()) * 100, std::atoi(text.c_str()));
    for (const char* word : {"no", "off", "false", "No", "Off", "False"})
        if (text == word) context.reader.fail(node, "freeze is '{}'; write none where nothing is to be frozen", text);
    for (const char* word : {"yes", "on", "true", "Yes", "On", "True"})
        if (text == word)
            context.reader.fail(node, "freeze is '{}'; write all where the whole base is to be frozen", text);
    return text;
}

Setting read_until(const AxisContext& context, const YAML::Node& node) {
    const std::string text = context.reader.text(node, "until");
    for (const char* word : {"no", "off", "false", "No", "Off", "False", "all"})
        if (text == word) context.reader.fail(node, "until is '{}'; write none for the whole base", text);
    return text;
}

Setting read_dropout(const AxisContext& context, const YAML::Node& node) {
    if (!node.IsSequence()) return context.reader.number(node, "dropout", kRate);
    std::vector<double> rates;
    for (const YAML::Node& rate : context.reader.list(node, "dropout"))
        rates.push_back(context.reader.number(rate, "dropout", kRate));
    return rates;
}

void assign_dropout(Trial& trial, const Setting& setting) {
    const double* rate = std::get_if<double>(&setting);
    if (trial.head.widths.empty())
        trial.dropout.clear();
    else if (rate)
        trial.dropout.assign(trial.head.widths.size(), *rate);
    else
        trial.dropout = std::get<std::vector<double>>(setting);
}

void assign_until(Trial& trial, const Setting& setting) {
    trial.until = std::get<std::string>(setting) == "none" ? "" : std::get<std::string>(setting);
}

/// How an axis is read that has a form of its own, and put into a trial where that is more than to set its member.
struct OwnReader {
    const char* axis;
    Setting (*read)(const AxisContext& context, const YAML::Node& node);
    void (*assign)(Trial& trial, const Setting& setting) = nullptr;
    std::optional<Setting> usual = {};  // where it is not the member's
};

const std::vector<OwnReader>& own_readers() {
    static const std::vector<OwnReader> readers = {
        {"backbone", read_backbone},
        {"weights", read_weights,
         [](Trial& trial, const Setting& setting) { trial.weights = std::get<WeightsSetting>(setting).name; },
         WeightsSetting{Trial().weights, {}}},
        {"freeze", read_freeze},
        {"head", read_head},
        {"dropout", read_dropout, assign_dropout, 0.0},
        {"optimizer", read_optimizer},
        {"schedule", read_schedule},
        {"early_stopping", read_early_stopping},
        {"until", read_until, assign_until, std::string("none")},
        {"class_weights", read_class_weights},
        {"augment",
         [](const AxisContext& context, const YAML::Node& node) -> Setting {
             return read_augment(context.reader, node);
         }},
        {"phases", read_phases},
    };
    return readers;
}

/// Of an axis whose settings are of its member's type, or of a wider one.
struct UsualSetting {
    Trial usual = {};
    Setting operator()(int Trial::*member) const { return std::int64_t{usual.*member}; }
    Setting operator()(std::uint64_t Trial::*member) const { return static_cast<std::int64_t>(usual.*member); }
    Setting operator()(const WordMember<Trial>& word) const { return std::string(word.get(usual)); }
    Setting operator()(std::vector<Phase> Trial::*) const { return PhasesSetting{}; }
    template <typename Value>
    Setting operator()(Value Trial::*member) const {
        return usual.*member;
    }
    Setting operator()(std::monostate) const { THAW_CHECK(false, "an axis of sweeps without a member of trials"); }
};

struct AssignMember {
    Trial& trial;
    const Setting& setting;
    const char* axis;
    void operator()(int Trial::*member) const { trial.*member = static_cast<int>(std::get<std::int64_t>(setting)); }
    void operator()(std::uint64_t Trial::*member) const {
        trial.*member = static_cast<std::uint64_t>(std::get<std::int64_t>(setting));
    }
    void operator()(const WordMember<Trial>& word) const { word.set(trial, axis, std::get<std::string>(setting)); }
    void operator()(std::vector<Phase> Trial::*) const { assign_phases(trial, setting); }
    template <typename Value>
    void operator()(Value Trial::*member) const {
        trial.*member = std::get<Value>(setting);
    }
    void operator()(std::monostate) const {}
};

struct ReadForm {
    const AxisContext& context;
    const YAML::Node& node;
    const AxisRow& row;
    Setting operator()(const OwnForm&) const { THAW_CHECK(false, "nothing reads the axis {}", row.name); }
    Setting operator()(const WholeNumber& number) const {
        return context.reader.integer(node, row.name, number.low, number.high);
    }
    Setting operator()(const RealNumber& number) const { return context.reader.number(node, row.name, number.range); }
    Setting operator()(const Word&) const {
        return context.reader.at(node, [&] {
            Trial scratch;
            const std::string word = context.reader.text(node, row.name);
            std::get<WordMember<Trial>>(row.member).set(scratch, row.name, word);
            return word;
        });
    }
};

std::vector<AxisKind> make_axis_kinds() {
    std::vector<AxisKind> kinds;
    for (const AxisRow* row : kSweepAxes) {
        AxisKind kind{static_cast<AxisId>(row->place), row->name, row, {}, nullptr, nullptr};
        kind.usual = std::visit(UsualSetting{}, row->member);
        for (const OwnReader& own : own_readers()) {
            if (std::string_view(own.axis) != row->name) continue;
            kind.own_read = own.read;
            kind.own_assign = own.assign;
            if (own.usual) kind.usual = *own.usual;
        }
        kinds.push_back(kind);
    }
    return kinds;
}

}  // namespace

Setting AxisKind::read(const AxisContext& context, const YAML::Node& node) const {
    return own_read ? own_read(context, node) : std::visit(ReadForm{context, node, *row}, row->form);
}

void AxisKind::assign(Trial& trial, const Setting& setting) const {
    own_assign ? own_assign(trial, setting) : std::visit(AssignMember{trial, setting, name}, row->member);
}

const std::vector<AxisKind>& axis_kinds() {
    static const std::vector<AxisKind> kinds = make_axis_kinds();
    return kinds;
}

const AxisKind& axis_kind(AxisId id) {
    return axis_kinds()[static_cast<std::size_t>(id)];
}

std::vector<std::string> axis_names() {
    std::vector<std::string> names;
    for (const AxisKind& kind : axis_kinds()) names.emplace_back(kind.name);
    return names;
}

AxisId find_axis(const std::string& name) {
    for (const AxisKind& kind : axis_kinds())
        if (name == kind.name) return kind.id;
    THAW_CHECK(false, "no axis '{}'", name);
}

Axis read_axis(const AxisContext& context, AxisId id, const YAML::Node& key, const YAML::Node& node) {
    const AxisKind& kind = axis_kind(id);
    Axis axis{id, {}, place_of(key), {}};
    YAML::Node values = node;
    if (is_distribution(kind, node)) {
        axis.distribution = read_distribution(context, kind, node);
        if (axis.is_range()) return axis;
        values.reset(node.begin()->second);
    }
    const auto add = [&](const YAML::Node& value) {
        context.reader.attempt([&] { axis.values.push_back({kind.read(context, value), place_of(value)}); });
    };
    if (!values.IsSequence()) {
        add(values);
        return axis;
    }
    if (id == axis_id("head")) refuse_ambiguous_head(context.reader, values);
    for (const YAML::Node& value : context.reader.list(values, kind.name)) add(value);
    return axis;
}

std::string setting_text(const Setting& setting) {
    struct Text {
        std::string operator()(const std::string& text) const { return text; }
        std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
        std::string operator()(double number) const { return fmt::format("{}", number); }
        std::string operator()(const std::vector<double>& rates) const { return fmt::format("{}", rates); }
        std::string operator()(const Optimizer& optimizer) const { return optimizer_name(optimizer); }
        std::string operator()(const WeightsSetting& weights) const { return weights.name; }
        std::string operator()(const Schedule& schedule) const { return schedule_name(schedule); }
        std::string operator()(const EarlyStop& stop) const { return early_stop_name(stop); }
        std::string operator()(const ClassWeights& weights) const { return class_weights_name(weights); }
        std::string operator()(const Augment& augment) const { return augment_name(augment); }
        std::string operator()(const PhasesSetting& phases) const { return phases_text(phases); }
        std::string operator()(const Head& head) const {
            const std::string widths = head_name(head);
            return head.pooling == Head{}.pooling ? widths
                                                  : fmt::format("{} after {}", widths, to_string(head.pooling));
        }
    };
    return std::visit(Text{}, setting);
}

}  // namespace thaw
