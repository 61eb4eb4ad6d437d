#include "coordinator/sweep/sweep_schema.hpp"

#include <cctype>
#include <limits>
#include <nlohmann/json.hpp>

#include "common/util/error.hpp"
#include "coordinator/sweep/embedded.hpp"
#include "coordinator/sweep/settings_schema.hpp"

namespace thaw {
namespace {

using Json = nlohmann::ordered_json;

bool is_json_number(const Json& value) {
    const auto type = value.find("type");
    return type != value.end() && (*type == "number" || *type == "integer");
}

/// A value, a list of values, or how to draw them. Where a value may be a list itself, a list is of values.
Json axis_schema(const std::string& name, const Json& value) {
    Json list = {{"type", "array"}, {"minItems", 1}, {"items", value}};
    if (name == "head")  // plain numbers: one head of several layers, or several of one?
        list["not"] = {{"minItems", 2}, {"items", {{"type", "integer"}}}};
    Json choice = {{"type", "object"},
                   {"required", {"choice"}},
                   {"additionalProperties", false},
                   {"properties", {{"choice", list}}}};
    Json forms = {value, list, choice};
    if (name == "head") forms[0]["oneOf"].erase(2);
    if (is_json_number(value)) {
        const Json ends = {{"type", "array"}, {"minItems", 2}, {"maxItems", 2}, {"items", value}};
        for (const char* distribution : {"uniform", "log_uniform"})
            forms.push_back({{"type", "object"},
                             {"required", {distribution}},
                             {"additionalProperties", false},
                             {"properties", {{distribution, ends}}}});
    }
    Json schema = {{"anyOf", forms}};
    if (value.contains("description")) schema["description"] = value["description"];
    return schema;
}

/// Of a value as its form says it; null for a form of its own.
struct FormSchema {
    const AxisRow& row;
    Json operator()(const OwnForm&) const { return nullptr; }
    Json operator()(const WholeNumber& number) const {
        Json schema = {{"type", "integer"}, {"minimum", number.low}};
        if (number.high < std::numeric_limits<std::int64_t>::max()) schema["maximum"] = number.high;
        return schema;
    }
    Json operator()(const RealNumber& number) const { return number_schema("number", number.range); }
    Json operator()(const Word&) const { return {{"enum", std::get<WordMember<Trial>>(row.member).words()}}; }
};

/// The row's help as a sentence.
std::string description(const AxisRow& row) {
    if (*row.in_sweeps) return row.in_sweeps;
    std::string text = row.help;
    if (text.empty()) return text;
    text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
    return text + '.';
}

/// Adds axes of a known form to those that the file describes.
void describe_known_forms(Json& axes) {
    for (const AxisRow* row : kSweepAxes) {
        const Json form = std::visit(FormSchema{*row}, row->form);
        if (form.is_null()) continue;
        if (const std::string text = description(*row); !text.empty()) axes[row->name]["description"] = text;
        axes[row->name].update(form);
    }
}

/// What a sweep that does not say it has; null where it depends on other keys.
Json default_of(const AxisRow& row) {
    const auto to_json = [](const auto& value) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>)
            return nullptr;
        else
            return value;
    };
    return std::visit(to_json, usual_value(row));
}

}  // namespace

std::string sweep_schema(const Vocabulary& vocabulary) {
    Json schema = Json::parse(kSweepSchema);
    Json axes = schema["definitions"]["axis"];
    schema["definitions"].erase("axis");
    describe_known_forms(axes);
    for (const auto& [axis, form] : schemas_of_settings()) axes[axis].update(form);
    schema["definitions"].update(schemas_of_words());
    if (!vocabulary.backbones.empty()) axes["backbone"]["enum"] = vocabulary.backbones;
    if (!vocabulary.preprocessings.empty())
        axes["weights"]["oneOf"][1]["properties"]["preprocessing"]["enum"] = vocabulary.preprocessings;
    Json rule = {{"type", "object"}, {"minProperties", 1}, {"additionalProperties", false}};
    for (const std::string& name : axis_names()) {
        THAW_CHECK(axes.contains(name), "sweep_schema.json says nothing of the axis {}", name);
        schema["properties"][name] = axis_schema(name, axes[name]);
        const Json usual = default_of(kAxes[axis_of(name)]);
        if (!usual.is_null() && usual != "") schema["properties"][name]["default"] = usual;
        rule["properties"][name] = {
            {"anyOf", {axes[name], {{"type", "array"}, {"minItems", 1}, {"items", axes[name]}}}}};
    }
    schema["definitions"]["rule"] = rule;
    schema["definitions"]["axis_name"] = {{"enum", axis_names()}};
    return schema.dump(2) + '\n';
}

}  // namespace thaw
