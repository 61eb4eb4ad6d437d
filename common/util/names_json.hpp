// Enums with a NameTable as JSON strings: an enum takes part by a function `names_of(Enum)` that returns its table.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "common/util/names.hpp"

namespace thaw {

template <typename Enum>
concept Named = requires(Enum value) {
    names_of(value);
};

template <Named Enum>
void to_json(nlohmann::json& json, Enum value) {
    json = word_of(value);
}

template <Named Enum>
void from_json(const nlohmann::json& json, Enum& value) {
    value = parse_name("word", names_of(value), json.get<std::string>());
}

}  // namespace thaw
