// Reads typed values out of YAML with errors that say where, what was found and what was expected.
#pragma once

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/util/nearest.hpp"
#include "common/util/range.hpp"
#include "coordinator/sweep/source_text.hpp"

namespace thaw {

/// Place of a node in its text.
Place place_of(const YAML::Node& node);

/// Parses one YAML document. Throws UserError for bad syntax and for all that a sweep file has no use for: several
/// documents, tags, duplicate keys, deep nesting, more than 100,000 nodes with aliases followed. `rewrite` comes before
/// the keys and values are looked at.
YAML::Node load_yaml(const SourceText& source, const std::function<YAML::Node(YAML::Node)>& rewrite = nullptr);

/// `what`, in its functions, is what the user calls the value: "epochs", "data.split.seed".
class YamlReader {
  public:
    /// With `mistakes`, what `attempt` catches is added to them.
    explicit YamlReader(const SourceText& source, std::vector<std::string>* mistakes = nullptr)
        : source_(source), mistakes_(mistakes) {}

    template <typename... Args>
    [[noreturn]] void fail(const YAML::Node& node, fmt::format_string<Args...> format, Args&&... args) const {
        throw error_at(source_, place_of(node), fmt::format(format, std::forward<Args>(args)...));
    }

    /// The text of a scalar that is not empty.
    std::string text(const YAML::Node& node, const std::string& what) const;
    std::int64_t integer(const YAML::Node& node, const std::string& what, std::int64_t low, std::int64_t high) const;
    double number(const YAML::Node& node, const std::string& what, const Range& range) const;
    bool boolean(const YAML::Node& node, const std::string& what) const;
    /// A word out of `words`, each of which is one `kind`; the command `listing` shows them all, where there are many.
    std::string word(const YAML::Node& node, const std::string& kind, const std::vector<std::string>& words,
                     const char* listing = nullptr) const;
    /// The elements of a list that is not empty.
    std::vector<YAML::Node> list(const YAML::Node& node, const std::string& what) const;
    /// The entries of a map in the file's order; each key must be one of `keys`.
    std::vector<std::pair<std::string, YAML::Node>> entries(const YAML::Node& node, const std::string& what,
                                                            const std::vector<std::string>& keys) const;

    /// Calls `parse`; a UserError of its gets the place of `node`.
    template <typename Parse>
    auto at(const YAML::Node& node, Parse parse) const {
        try {
            return parse();
        } catch (const UserError& error) {
            throw error_at(source_, place_of(node), error.what());
        }
    }

    /// Calls `read`; a UserError of its is noted where mistakes are collected, so that reading goes on.
    template <typename Read>
    void attempt(Read read) const {
        try {
            read();
        } catch (const UserError& error) {
            if (!mistakes_) throw;
            mistakes_->push_back(error.what());
        }
    }

    const SourceText& source() const { return source_; }

  private:
    const SourceText& source_;
    std::vector<std::string>* mistakes_ = nullptr;
};

/// "a list", "a map", "nothing", "'256'".
std::string describe(const YAML::Node& node);

/// Whether a scalar is written in quotes.
bool is_quoted(const YAML::Node& node);

}  // namespace thaw
