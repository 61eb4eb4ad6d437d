#include "coordinator/sweep/axes.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

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

template <int Trial::*member>
void assign_int(Trial& trial, const Setting& setting) {
    trial.*member = static_cast<int>(std::get<std::int64_t>(setting));
}

template <std::string Trial::*member>
void assign_text(Trial& trial, const Setting& setting) {
    trial.*member = std::get<std::string>(setting);
}

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

Setting read_image_size(const AxisContext& context, const YAML::Node& node) {
    return context.reader.integer(node, "image_size", 8, 4096);
}

/// YAML has many words for yes and no; here they most likely mean all and none.
Setting read_freeze(const AxisContext& context, const YAML::Node& node) {
    const std::string text = context.reader.text(node, "freeze");
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

Setting read_learning_rate(const AxisContext& context, const YAML::Node& node) {
    return context.reader.number(node, "learning_rate", {0, false, 10, true});
}

Setting read_batch_size(const AxisContext& context, const YAML::Node& node) {
    return context.reader.integer(node, "batch_size", 1, 1'000'000);
}

Setting read_epochs(const AxisContext& context, const YAML::Node& node) {
    return context.reader.integer(node, "epochs", 1, 100'000);
}

Setting read_seed(const AxisContext& context, const YAML::Node& node) {
    return context.reader.integer(node, "seed", 0, std::numeric_limits<std::int64_t>::max());
}

Setting read_precision(const AxisContext& context, const YAML::Node& node) {
    return context.reader.at(node, [&] { return parse_precision(context.reader.text(node, "precision")); });
}

Setting read_fold(const AxisContext& context, const YAML::Node& node) {
    return context.reader.integer(node, "fold", 1, kMostFolds);
}

void assign_until(Trial& trial, const Setting& setting) {
    trial.until = std::get<std::string>(setting) == "none" ? "" : std::get<std::string>(setting);
}

std::vector<AxisKind> make_axis_kinds() {
    const Trial usual;
    return {
        {AxisId::backbone, "backbone", read_backbone, assign_text<&Trial::backbone>, usual.backbone},
        {AxisId::weights, "weights", read_weights,
         [](Trial& trial, const Setting& setting) { trial.weights = std::get<WeightsSetting>(setting).name; },
         WeightsSetting{usual.weights, {}}},
        {AxisId::image_size, "image_size", read_image_size, assign_int<&Trial::image_size>,
         std::int64_t{usual.image_size}},
        {AxisId::freeze, "freeze", read_freeze, assign_text<&Trial::freeze>, usual.freeze},
        {AxisId::head, "head", read_head,
         [](Trial& trial, const Setting& setting) { trial.head = std::get<Head>(setting); }, usual.head},
        {AxisId::dropout, "dropout", read_dropout, assign_dropout, 0.0},
        {AxisId::optimizer, "optimizer", read_optimizer,
         [](Trial& trial, const Setting& setting) { trial.optimizer = std::get<Optimizer>(setting); }, usual.optimizer},
        {AxisId::learning_rate, "learning_rate", read_learning_rate,
         [](Trial& trial, const Setting& setting) { trial.learning_rate = std::get<double>(setting); },
         usual.learning_rate},
        {AxisId::batch_size, "batch_size", read_batch_size, assign_int<&Trial::batch_size>,
         std::int64_t{usual.batch_size}},
        {AxisId::epochs, "epochs", read_epochs, assign_int<&Trial::epochs>, std::int64_t{usual.epochs}},
        {AxisId::seed, "seed", read_seed,
         [](Trial& trial, const Setting& setting) {
             trial.seed = static_cast<std::uint64_t>(std::get<std::int64_t>(setting));
         },
         static_cast<std::int64_t>(usual.seed)},
        {AxisId::precision, "precision", read_precision,
         [](Trial& trial, const Setting& setting) { trial.precision = std::get<Precision>(setting); }, usual.precision},
        {AxisId::schedule, "schedule", read_schedule,
         [](Trial& trial, const Setting& setting) { trial.schedule = std::get<Schedule>(setting); }, usual.schedule},
        {AxisId::early_stopping, "early_stopping", read_early_stopping,
         [](Trial& trial, const Setting& setting) { trial.early_stop = std::get<EarlyStop>(setting); },
         usual.early_stop},
        {AxisId::until, "until", read_until, assign_until, std::string("none")},
        {AxisId::loss, "loss", read_loss,
         [](Trial& trial, const Setting& setting) { trial.loss = std::get<Loss>(setting); }, usual.loss},
        {AxisId::label_smoothing, "label_smoothing", read_label_smoothing,
         [](Trial& trial, const Setting& setting) { trial.label_smoothing = std::get<double>(setting); },
         usual.label_smoothing},
        {AxisId::class_weights, "class_weights", read_class_weights,
         [](Trial& trial, const Setting& setting) { trial.class_weights = std::get<ClassWeights>(setting); },
         usual.class_weights},
        {AxisId::augment, "augment",
         [](const AxisContext& context, const YAML::Node& node) -> Setting {
             return read_augment(context.reader, node);
         },
         [](Trial& trial, const Setting& setting) { trial.augment = std::get<Augment>(setting); }, usual.augment},
        {AxisId::fold, "fold", read_fold, assign_int<&Trial::fold>, std::int64_t{usual.fold}},
        {AxisId::phases, "phases", read_phases, assign_phases, PhasesSetting{}},
    };
}

}  // namespace

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
        axis.values.push_back({kind.read(context, value), place_of(value)});
    };
    if (!values.IsSequence()) {
        add(values);
        return axis;
    }
    if (id == AxisId::head) refuse_ambiguous_head(context.reader, values);
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
        std::string operator()(Precision precision) const { return to_string(precision); }
        std::string operator()(const Schedule& schedule) const { return schedule_name(schedule); }
        std::string operator()(const EarlyStop& stop) const { return early_stop_name(stop); }
        std::string operator()(Loss loss) const { return word_of(loss); }
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
