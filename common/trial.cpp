#include "common/trial.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <concepts>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "common/fingerprint.hpp"
#include "common/names.hpp"

namespace thaw {

namespace {

const NameTable<Pooling> kPoolings = {{Pooling::average, "avg"}, {Pooling::max, "max"}, {Pooling::flatten, "flatten"}};
const NameTable<OptimizerKind> kOptimizers = {
    {OptimizerKind::adam, "adam"}, {OptimizerKind::sgd, "sgd"}, {OptimizerKind::rmsprop, "rmsprop"}};

/// Writes the text that nlohmann::json would, twenty times as fast: a million ids are asked for at once.
class JsonText {
  public:
    template <typename Value>
    void member(std::string_view before, const Value& value) {
        text_ += before;
        write(value);
    }
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
void to_json(nlohmann::json& json, Precision precision) {
    json = to_string(precision);
}
void from_json(const nlohmann::json& json, Precision& precision) {
    precision = parse_precision(json.get<std::string>());
}
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Optimizer, kind, momentum, nesterov, beta1, beta2, rho, epsilon)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Head, pooling, widths)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Trial, backbone, weights, freeze, head, dropout, optimizer, learning_rate,
                                   batch_size, epochs, seed, image_size, precision, frozen_layers, cut, id)

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
    nlohmann::json whole = json;
    whole.emplace("precision", Precision::float32);
    return whole.get<Trial>();
}

/// JSON, keys ascending, as nlohmann::json(trial).dump() writes it, without the keys that decide nothing: id, weights
/// (their content is in the context; a path decides nothing), freeze (two spellings of one depth are one trial);
/// float32 is not written either: there are ids from before there was another precision.
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
    return text.end();
}

std::string trial_id(const Trial& trial, const std::string& context) {
    return Fingerprint().add(context).add(decisive_text(trial)).hex().substr(0, 16);
}

}  // namespace thaw
