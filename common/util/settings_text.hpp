// Names of settings for people: what differs from the defaults, and nothing else.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

namespace thaw {

/// Collects "name=value" for what differs; a boolean that is on is its name alone.
class SettingsText {
  public:
    template <typename Value>
    SettingsText& note(const char* name, const Value& value, const Value& usual) {
        if (value != usual) changed_.push_back(fmt::format("{}={}", name, value));
        return *this;
    }
    SettingsText& note(const char* name, bool value, bool usual) {
        if (value != usual) changed_.emplace_back(value ? name : fmt::format("no {}", name));
        return *this;
    }
    bool empty() const { return changed_.empty(); }
    std::string joined(const char* between) const {
        std::string text;
        for (const std::string& change : changed_) text.append(text.empty() ? "" : between).append(change);
        return text;
    }

  private:
    std::vector<std::string> changed_;
};

}  // namespace thaw
