#include "common/trial/trial.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <concepts>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <variant>

#include "common/trial/axis_table.hpp"
#include "common/util/fingerprint.hpp"
#include "common/util/settings_json.hpp"

namespace thaw {

namespace {

/// Writes the text that nlohmann::json would, twenty times as fast: a million ids are asked for at once.
class JsonText {
  public:
    template <typename Value>
    void member(std::string_view before, const Value& value) {
        text_ += before;
        write(value);
    }
    void raw(const std::string& text) { text_ += text; }
    std::string end() { return std::move(text_ += '}'); }

  private:
    void write(std::string_view text) {
        const bool plain =
            std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
        plain ? text_.append(1, '"').append(text).append(1, '"') : text_ += nlohmann::json(text).dump();
    }
    void write(const char* text) { write(std::string_view(text)); }  // or it would be a bool
    void write(bool value) { text_ += value ? "true" : "false"; }
    void write(double value) {
        char digits[64];  // the library's own digits: others' are not equal for every number
        text_.append(digits, nlohmann::detail::to_chars(digits, digits + sizeof digits, value));
    }
    template <std::integral Integer>
    void write(Integer value) {
        text_ += fmt::format_int(value).c_str();
    }
    template <typename Value>
    void write(const std::vector<Value>& values) {
        text_ += '[';
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (i > 0) text_ += ',';
            write(values[i]);
        }
        text_ += ']';
    }

    std::string text_;
};

}  // namespace

const NameTable<Pooling>& names_of(Pooling) {
    static const NameTable<Pooling> names = {
        {Pooling::average, "avg"}, {Pooling::max, "max"}, {Pooling::flatten, "flatten"}};
    return names;
}

const NameTable<HeadActivation>& names_of(HeadActivation) {
    static const NameTable<HeadActivation> names = {
        {HeadActivation::relu, "relu"},    {HeadActivation::leaky_relu, "leaky_relu"},
        {HeadActivation::elu, "elu"},      {HeadActivation::selu, "selu"},
        {HeadActivation::gelu, "gelu"},    {HeadActivation::silu, "silu"},
        {HeadActivation::tanh, "tanh"},    {HeadActivation::sigmoid, "sigmoid"},
        {HeadActivation::linear, "linear"}};
    return names;
}

const NameTable<Initializer>& names_of(Initializer) {
    static const NameTable<Initializer> names = {{Initializer::glorot_uniform, "glorot_uniform"},
                                                 {Initializer::he_normal, "he_normal"},
                                                 {Initializer::random_uniform, "random_uniform"}};
    return names;
}

const NameTable<Loss>& names_of(Loss) {
    static const NameTable<Loss> names = {{Loss::categorical_crossentropy, "categorical_crossentropy"},
                                          {Loss::binary_crossentropy, "binary_crossentropy"}};
    return names;
}

const NameTable<BatchNormMode>& names_of(BatchNormMode) {
    static const NameTable<BatchNormMode> names = {{BatchNormMode::train, "train"},
                                                   {BatchNormMode::inference, "inference"}};
    return names;
}

const NameTable<Keep>& names_of(Keep) {
    static const NameTable<Keep> names = {{Keep::none, "none"}, {Keep::last, "last"}, {Keep::best, "best"}};
    return names;
}

void to_json(nlohmann::json& json, Precision precision) {
    json = to_string(precision);
}
void from_json(const nlohmann::json& json, Precision& precision) {
    precision = parse_precision(json.get<std::string>());
}
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ClassWeights, balanced, by_class)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Phase, freeze, learning_rate, epochs, frozen_layers, cut)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Head, pooling, widths, activations, initializer)

namespace {

const char* json_key(const AxisRow& row) {
    return row.json_key ? row.json_key : row.name;
}

struct WriteMember {
    nlohmann::json& json;
    const Trial& trial;
    const char* key;
    void operator()(std::monostate) const {}
    void operator()(const WordMember<Trial>& word) const { json[key] = word.get(trial); }
    template <typename Value>
    void operator()(Value Trial::*member) const {
        json[key] = trial.*member;
    }
};

struct ReadMember {
    const nlohmann::json& json;
    Trial& trial;
    const char* key;
    void operator()(std::monostate) const {}
    void operator()(const WordMember<Trial>& word) const { word.set(trial, key, json.get<std::string>()); }
    template <typename Value>
    void operator()(Value Trial::*member) const {
        json.get_to(trial.*member);
    }
};

/// What a trial has beside its axes.
constexpr std::pair<const char*, int Trial::*> kNumbersBesideAxes[] = {{"folds", &Trial::folds},
                                                                       {"base_layers", &Trial::base_layers},
                                                                       {"frozen_layers", &Trial::frozen_layers},
                                                                       {"cut", &Trial::cut}};

}  // namespace

void to_json(nlohmann::json& json, const Trial& trial) {
    for (const AxisRow& row : kAxes) std::visit(WriteMember{json, trial, json_key(row)}, row.member);
    for (const auto& [key, member] : kNumbersBesideAxes) json[key] = trial.*member;
    json["id"] = trial.id;
}

void from_json(const nlohmann::json& json, Trial& trial) {
    trial = Trial();
    for (const AxisRow& row : kAxes)
        if (const auto found = json.find(json_key(row)); found != json.end())
            std::visit(ReadMember{*found, trial, json_key(row)}, row.member);
    for (const auto& [key, member] : kNumbersBesideAxes)
        if (const auto found = json.find(key); found != json.end()) found->get_to(trial.*member);
    if (const auto found = json.find("id"); found != json.end()) found->get_to(trial.id);
}

const char* to_string(Pooling pooling) {
    return word_of(pooling);
}

Pooling parse_pooling(const std::string& name) {
    return parse_name("pooling", names_of(Pooling{}), name);
}

/// One word where all are equal, else one a layer.
static std::string activations_name(const Head& head) {
    std::vector<const char*> words;
    for (const HeadActivation activation : head.activations) words.push_back(word_of(activation));
    const bool all_equal = std::all_of(words.begin(), words.end(), [&](const char* word) { return word == words[0]; });
    return all_equal ? words[0] : fmt::format("{}", fmt::join(words, "-"));
}

std::string head_name(const Head& head) {
    std::string name = head.widths.empty() ? "none" : fmt::format("{}", fmt::join(head.widths, "-"));
    if (!head.activations.empty()) name += " " + activations_name(head);
    if (head.initializer != Head{}.initializer) name += fmt::format(" {}", word_of(head.initializer));
    return name;
}

std::string dropout_name(const std::vector<double>& dropout) {
    if (dropout.empty()) return "0";
    const bool all_equal = std::all_of(dropout.begin(), dropout.end(), [&](double rate) { return rate == dropout[0]; });
    return all_equal ? fmt::format("{}", dropout[0]) : fmt::format("{}", fmt::join(dropout, "-"));
}

std::string class_weights_name(const ClassWeights& weights) {
    if (weights.none()) return "none";
    if (weights.balanced) return "balanced";
    std::vector<std::string> words;
    for (const auto& [name, weight] : weights.by_class) words.push_back(fmt::format("{}={}", name, weight));
    return fmt::format("{}", fmt::join(words, " "));
}

std::string fold_name(const Trial& trial) {
    return trial.folds == 0 ? "none" : fmt::format("{}/{}", trial.fold, trial.folds);
}

std::string phases_name(const std::vector<Phase>& phases) {
    std::vector<std::string> words;
    for (const Phase& phase : phases)
        words.push_back(fmt::format("{} {} x{}", phase.freeze, phase.learning_rate, phase.epochs));
    return words.empty() ? "none" : fmt::format("{}", fmt::join(words, ", "));
}

nlohmann::json to_json(const Trial& trial) {
    return nlohmann::json(trial);
}

Trial trial_from_json(const nlohmann::json& json) {
    return json.get<Trial>();
}

namespace {

/// What a value decides, where it may say more than that.
template <typename Value>
const Value& deciding(const Value& value) {
    return value;
}
nlohmann::json deciding(const std::vector<Phase>& phases) {
    nlohmann::json numbers;
    for (const Phase& phase : phases) numbers.push_back({phase.frozen_layers, phase.learning_rate, phase.epochs});
    return numbers;
}

/// Writes a member that is not as usual.
struct NoteMember {
    nlohmann::json& later;
    const Trial &trial, &usual;
    const char* key;
    void operator()(std::monostate) const {}
    void operator()(const WordMember<Trial>& word) const {
        if (word.get(trial) != word.get(usual)) later[key] = word.get(trial);  // of one table
    }
    template <typename Value>
    void operator()(Value Trial::*member) const {
        if (trial.*member != usual.*member) later[key] = deciding(trial.*member);
    }
};

}  // namespace

std::string later_settings(const Trial& trial) {
    static const Trial usual;
    nlohmann::json later;
    const auto note = [&](const char* name, const auto& value, const auto& default_value) {
        if (value != default_value) later[name] = value;
    };
    note("activations", trial.head.activations, usual.head.activations);
    note("initializer", trial.head.initializer, usual.head.initializer);
    for (const auto& row : setting_rows(trial.optimizer).subspan(kFirstLaterOptimizerSetting))
        note(row.name, setting_to_json(row, trial.optimizer), setting_to_json(row, usual.optimizer));
    note("base_layers", trial.base_layers, usual.base_layers);
    note("folds", trial.folds, usual.folds);
    for (std::size_t axis = kFirstLaterAxis; axis < kAxes.size(); ++axis)
        if (kAxes[axis].decides) std::visit(NoteMember{later, trial, usual, json_key(kAxes[axis])}, kAxes[axis].member);
    return later.is_null() ? "" : later.dump();
}

/// JSON, keys ascending, as nlohmann::json(trial).dump() writes it, without the keys that decide nothing: id, weights
/// (their content is in the context; a path decides nothing), freeze (two spellings of one depth are one trial);
/// float32 is not written either: there are ids from before there was another precision. What came later still is
/// written last, from the table of axes; what stands here is as the first ids have it, and stays.
static std::string decisive_text(const Trial& trial) {
    JsonText text;
    text.member("{\"backbone\":", trial.backbone);
    text.member(",\"batch_size\":", trial.batch_size);
    text.member(",\"cut\":", trial.cut);
    text.member(",\"dropout\":", trial.dropout);
    text.member(",\"epochs\":", trial.epochs);
    text.member(",\"frozen_layers\":", trial.frozen_layers);
    text.member(",\"head\":{\"pooling\":", to_string(trial.head.pooling));
    text.member(",\"widths\":", trial.head.widths);
    text.member("},\"image_size\":", trial.image_size);
    text.member(",\"learning_rate\":", trial.learning_rate);
    text.member(",\"optimizer\":{\"beta1\":", trial.optimizer.beta1);
    text.member(",\"beta2\":", trial.optimizer.beta2);
    text.member(",\"epsilon\":", trial.optimizer.epsilon);
    text.member(",\"kind\":", to_string(trial.optimizer.kind));
    text.member(",\"momentum\":", trial.optimizer.momentum);
    text.member(",\"nesterov\":", trial.optimizer.nesterov);
    text.member(",\"rho\":", trial.optimizer.rho);
    const bool usual = trial.precision == Precision::float32;
    if (!usual) text.member("},\"precision\":", to_string(trial.precision));
    text.member(usual ? "},\"seed\":" : ",\"seed\":", trial.seed);
    if (const std::string later = later_settings(trial); !later.empty()) text.raw(",\"later\":" + later);
    return text.end();
}

std::string trial_id(const Trial& trial, const std::string& context) {
    return Fingerprint().add(context).add(decisive_text(trial)).hex().substr(0, 16);
}

}  // namespace thaw
