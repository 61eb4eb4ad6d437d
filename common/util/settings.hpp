// A struct of settings as a table: a row a member. Its JSON, its text for people, its reading from YAML and its JSON
// Schema are derived. A struct takes part by a function `setting_rows(const Struct&)` that returns its rows.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/util/names.hpp"
#include "common/util/range.hpp"

namespace thaw {

/// A member that is one of a few words: an enum with names_of().
template <typename Struct>
struct WordMember {
    const char* (*get)(const Struct& settings);
    /// Throws UserError, with the words there are, for one that is none of them.
    void (*set)(Struct& settings, const char* what, std::string_view word);
    std::vector<std::string> (*words)();
};

/// The words of an enum.
template <typename Enum>
std::vector<std::string> words_of() {
    std::vector<std::string> words;
    for (const auto& [value, word] : names_of(Enum{})) words.emplace_back(word);
    return words;
}

template <auto member>
struct WordsOf;
template <typename Struct, typename Enum, Enum Struct::*member>
struct WordsOf<member> {
    static constexpr WordMember<Struct> kMember = {[](const Struct& settings) { return word_of(settings.*member); },
                                                   [](Struct& settings, const char* what, std::string_view word) {
                                                       settings.*member = parse_name(what, names_of(Enum{}), word);
                                                   },
                                                   words_of<Enum>};
};
template <auto member>
inline constexpr auto kWords = WordsOf<member>::kMember;

template <typename Struct>
struct SettingRow {
    const char* name;
    std::variant<double Struct::*, int Struct::*, bool Struct::*, FactorRange Struct::*, WordMember<Struct>> member;
    Range range = {};         // of numbers
    const char* help = "";    // for `thaw schema`
    bool around_one = false;  // of an interval: a number z means [1 - z, 1 + z]
};

template <typename Struct>
concept HasSettings = requires(const Struct& settings) {
    setting_rows(settings);
};

/// The row of this name, which must be there.
template <typename Struct>
const SettingRow<Struct>& setting_row(std::span<const SettingRow<Struct>> rows, std::string_view name) {
    for (const SettingRow<Struct>& row : rows)
        if (row.name == name) return row;
    THAW_CHECK(false, "no setting '{}'", name);
}

}  // namespace thaw
