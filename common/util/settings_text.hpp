// Names of settings for people: what differs from the defaults, and nothing else.
#pragma once

#include <fmt/format.h>

#include <span>
#include <string>
#include <vector>

#include "common/util/settings.hpp"

namespace thaw {

/// Collects "name=value" for what differs; a boolean that is on is its name alone.
class SettingsText {
  public:
    /// All of `rows` that are not as in `usual`.
    template <typename Struct>
    SettingsText& note(std::span<const SettingRow<Struct>> rows, const Struct& settings, const Struct& usual) {
        for (const SettingRow<Struct>& row : rows)
            std::visit([&](const auto& member) { note(row.name, value(settings, member), value(usual, member)); },
                       row.member);
        return *this;
    }
    /// A word that says enough without its name.
    SettingsText& add(const char* word) {
        changed_.emplace_back(word);
        return *this;
    }
    bool empty() const { return changed_.empty(); }
    std::string joined(const char* between) const {
        std::string text;
        for (const std::string& change : changed_) text.append(text.empty() ? "" : between).append(change);
        return text;
    }

  private:
    template <typename Struct, typename Value>
    static const Value& value(const Struct& settings, Value Struct::*member) {
        return settings.*member;
    }
    template <typename Struct>
    static std::string_view value(const Struct& settings, const WordMember<Struct>& word) {
        return word.get(settings);
    }
    template <typename Value>
    void note(const char* name, const Value& value, const Value& usual) {
        if (value != usual) changed_.push_back(fmt::format("{}={}", name, value));
    }
    void note(const char* name, bool value, bool usual) {
        if (value != usual) changed_.emplace_back(value ? name : fmt::format("no {}", name));
    }
    void note(const char* name, const FactorRange& value, const FactorRange& usual) {
        if (value != usual) changed_.push_back(fmt::format("{}={}..{}", name, value.low, value.high));
    }

    std::vector<std::string> changed_;
};

}  // namespace thaw
