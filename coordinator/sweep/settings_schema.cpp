#include "coordinator/sweep/settings_schema.hpp"

#include <cmath>

#include "common/trial/epoch_rules.hpp"
#include "coordinator/sweep/read_optimizer.hpp"
#include "coordinator/sweep/read_settings.hpp"
#include "coordinator/sweep/read_training_control.hpp"

namespace thaw {
namespace {

using Json = nlohmann::ordered_json;

template <typename Struct>
struct SettingSchema {
    const SettingRow<Struct>& row;
    Json operator()(double Struct::*) const { return number_schema("number", row.range); }
    Json operator()(int Struct::*) const { return number_schema("integer", row.range); }
    Json operator()(bool Struct::*) const { return {{"type", "boolean"}}; }
    Json operator()(const WordMember<Struct>& word) const { return {{"enum", word.words()}}; }
    Json operator()(FactorRange Struct::*) const {
        const Json interval = {
            {"type", "array"}, {"minItems", 2}, {"maxItems", 2}, {"items", number_schema("number", row.range)}};
        if (!row.around_one) return interval;
        return {{"oneOf", {number_schema("number", {0, true, 1, false}), interval}}};
    }
};

/// An object with some of a struct's settings.
template <typename Struct>
Json object_schema(const Struct& settings, const std::vector<std::string>& names) {
    Json schema = {{"type", "object"}, {"additionalProperties", false}, {"properties", Json::object()}};
    for (const std::string& name : names) {
        const SettingRow<Struct>& row = setting_row(setting_rows(settings), name);
        Json property = std::visit(SettingSchema<Struct>{row}, row.member);
        if (*row.help) property["description"] = row.help;
        schema["properties"][name] = property;
    }
    return schema;
}

/// One of some kinds: alone, where that says enough, or with its settings.
Json one_of_kinds(const std::vector<std::string>& alone, const Json& kinds) {
    return {{"oneOf",
             {{{"enum", alone}},
              {{"type", "object"},
               {"minProperties", 1},
               {"maxProperties", 1},
               {"additionalProperties", false},
               {"properties", kinds}}}}};
}

Json optimizer_schema() {
    Json kinds;
    for (const auto& [kind, name] : names_of(OptimizerKind{}))
        kinds[name] = object_schema(Optimizer(), optimizer_keys(kind));
    return one_of_kinds(words_of<OptimizerKind>(), kinds);
}

Json schedule_schema() {
    Json kinds;
    std::vector<std::string> alone;
    for (const ScheduleRow& row : schedules()) {
        kinds[row.name] = object_schema(Schedule(), schedule_keys(row.kind));
        if (row.needs_factor)
            kinds[row.name]["required"] = {"factor"};
        else
            alone.emplace_back(row.name);
    }
    return one_of_kinds(alone, kinds);
}

Json early_stopping_schema() {
    Json rule = object_schema(EarlyStop(), names_of_settings(setting_rows(EarlyStop())));
    rule["required"] = {"patience"};
    return {{"oneOf", {{{"const", "none"}}, rule}}};
}

Json augment_schema() {
    std::vector<std::string> names = names_of_settings(setting_rows(Augment()));
    std::erase(names, "fresh");  // a word of views
    Json changes = object_schema(Augment(), names);
    Json& views = changes["properties"]["views"];
    views = {{"oneOf", {{{"const", "fresh"}}, views}}};
    changes["required"] = {"views"};
    changes["minProperties"] = 2;
    return {{"oneOf", {{{"const", "none"}}, changes}}};
}

}  // namespace

Json number_schema(const char* type, const Range& range) {
    const auto limit = [](double number) {
        const bool whole = number == std::trunc(number);
        return whole ? Json(static_cast<std::int64_t>(number)) : Json(number);
    };
    return {{"type", type},
            {range.low_included ? "minimum" : "exclusiveMinimum", limit(range.low)},
            {range.high_included ? "maximum" : "exclusiveMaximum", limit(range.high)}};
}

std::vector<std::pair<std::string, Json>> schemas_of_settings() {
    return {{"optimizer", optimizer_schema()},
            {"schedule", schedule_schema()},
            {"early_stopping", early_stopping_schema()},
            {"augment", augment_schema()}};
}

Json schemas_of_words() {
    return {{"pooling", {{"enum", words_of<Pooling>()}}},
            {"activation", {{"enum", words_of<HeadActivation>()}}},
            {"initializer", {{"enum", words_of<Initializer>()}}}};
}

}  // namespace thaw
