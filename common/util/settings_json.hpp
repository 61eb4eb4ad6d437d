// Structs of settings as JSON objects, a key a row.
#pragma once

#include "common/util/names_json.hpp"
#include "common/util/settings.hpp"

namespace thaw {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FactorRange, low, high)

template <typename Struct>
struct WriteSetting {
    const Struct& settings;
    nlohmann::json operator()(const WordMember<Struct>& word) const { return word.get(settings); }
    template <typename Value>
    nlohmann::json operator()(Value Struct::*member) const {
        return settings.*member;
    }
};

template <typename Struct>
struct TakeSetting {
    const nlohmann::json& json;
    Struct& settings;
    void operator()(const WordMember<Struct>& word) const { word.set(settings, "word", json.get<std::string>()); }
    template <typename Value>
    void operator()(Value Struct::*member) const {
        json.get_to(settings.*member);
    }
};

template <typename Struct>
nlohmann::json setting_to_json(const SettingRow<Struct>& row, const Struct& settings) {
    return std::visit(WriteSetting<Struct>{settings}, row.member);
}

template <HasSettings Struct>
void to_json(nlohmann::json& json, const Struct& settings) {
    for (const SettingRow<Struct>& row : setting_rows(settings)) json[row.name] = setting_to_json(row, settings);
}

/// What is not there has its default.
template <HasSettings Struct>
void from_json(const nlohmann::json& json, Struct& settings) {
    settings = Struct();
    for (const SettingRow<Struct>& row : setting_rows(settings))
        if (const auto found = json.find(row.name); found != json.end())
            std::visit(TakeSetting<Struct>{*found, settings}, row.member);
}

}  // namespace thaw
