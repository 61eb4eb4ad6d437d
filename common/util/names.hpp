// Enums that users spell: one table of names each, from which parsing, printing and error messages come.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/util/error.hpp"

namespace thaw {

template <typename Enum>
using NameTable = std::vector<std::pair<Enum, const char*>>;

/// Whether they differ in case, dashes and underscores alone: MobileNetV2, mobilenet_v2.
bool is_spelled(std::string_view name, std::string_view written);

/// Throws UserError: "unknown WHAT 'X' (did you mean 'Y'?); there are: A, B, C".
[[noreturn]] void fail_unknown_name(const char* what, std::string_view name, const std::vector<std::string>& names);

/// Throws UserError for a name that is not in the table.
template <typename Enum>
Enum parse_name(const char* what, const NameTable<Enum>& table, std::string_view name) {
    std::vector<std::string> names;
    for (const auto& [value, spelled] : table) {
        if (name == spelled) return value;
        names.emplace_back(spelled);
    }
    for (const auto& [value, spelled] : table)
        if (is_spelled(spelled, name)) return value;
    fail_unknown_name(what, name, names);
}

template <typename Enum>
const char* name_of(const NameTable<Enum>& table, Enum value) {
    for (const auto& [candidate, spelled] : table)
        if (candidate == value) return spelled;
    THAW_CHECK(false, "no name for value {}", static_cast<int>(value));
}

/// The enum's word where a function `names_of(Enum)` gives its table.
template <typename Enum>
const char* word_of(Enum value) {
    return name_of(names_of(value), value);
}

}  // namespace thaw
