// Reads members of a struct of settings as their rows say.
#pragma once

#include "common/util/settings.hpp"
#include "coordinator/sweep/yaml_reader.hpp"

namespace thaw {

/// [low, high], or a number z for [1 - z, 1 + z] where the row has that.
FactorRange read_interval(const YamlReader& reader, const YAML::Node& node, const std::string& name, const Range& range,
                          bool around_one);

template <typename Struct>
struct ReadSetting {
    const YamlReader& reader;
    const YAML::Node& node;
    const SettingRow<Struct>& row;
    Struct& settings;
    void operator()(double Struct::*member) const { settings.*member = reader.number(node, row.name, row.range); }
    void operator()(int Struct::*member) const {
        settings.*member = static_cast<int>(reader.integer(node, row.name, static_cast<std::int64_t>(row.range.low),
                                                           static_cast<std::int64_t>(row.range.high)));
    }
    void operator()(bool Struct::*member) const { settings.*member = reader.boolean(node, row.name); }
    void operator()(FactorRange Struct::*member) const {
        settings.*member = read_interval(reader, node, row.name, row.range, row.around_one);
    }
    void operator()(const WordMember<Struct>& word) const {
        reader.at(node, [&] { word.set(settings, row.name, reader.text(node, row.name)); });
    }
};

template <typename Struct>
void read_setting(const YamlReader& reader, const YAML::Node& node, const SettingRow<Struct>& row, Struct& settings) {
    std::visit(ReadSetting<Struct>{reader, node, row, settings}, row.member);
}

template <typename Struct>
std::vector<std::string> names_of_settings(std::span<const SettingRow<Struct>> rows) {
    std::vector<std::string> names;
    for (const SettingRow<Struct>& row : rows) names.emplace_back(row.name);
    return names;
}

}  // namespace thaw
