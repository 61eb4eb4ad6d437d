#include "coordinator/sweep/yaml_reader.hpp"

#include <fmt/ranges.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <sstream>

namespace thaw {
namespace {

constexpr int kDeepest = 20;  // levels of nesting; a sweep needs six
constexpr std::size_t kMostNodes = 100'000;

/// Walks the document as a reader would, aliases followed, so that what passes here is safe to read.
class Checker {
  public:
    explicit Checker(const SourceText& source) : reader_(source) {
        std::string_view text = source.text;
        for (std::size_t end; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1))
            lines_.push_back(text.substr(0, end));
        lines_.push_back(text);
    }

    void check(const YAML::Node& node, int depth = 0) {
        if (++visited_ > kMostNodes)
            reader_.fail(node,
                         "more than {} values up to here (aliases count as what they stand for); a sweep needs fewer",
                         kMostNodes);
        if (depth > kDeepest)
            reader_.fail(node, "lists and maps nested more than {} deep; a sweep needs fewer", kDeepest);
        const std::string& tag = node.Tag();
        if (!tag.empty() && tag != "?" && tag != "!")
            reader_.fail(node, "a YAML tag ('{}'); a sweep has no use for tags", tag);
        if (is_quoted(node)) check_quotes(node);
        if (node.IsSequence()) check_list(node, depth);
        if (node.IsMap()) check_map(node, depth);
    }

  private:
    /// yaml-cpp lets a quoted text run on over line ends, up to the end of the file.
    void check_quotes(const YAML::Node& node) {
        const Place place = place_of(node);
        std::string_view text = lines_.at(static_cast<std::size_t>(place.line - 1));
        text.remove_prefix(std::min(text.size(), static_cast<std::size_t>(place.column - 1)));
        const char quote = text.empty() ? ' ' : text[0];
        if (quote != '"' && quote != '\'') return;
        std::size_t end = 1;
        while (end < text.size() && text[end] != quote) end += quote == '"' && text[end] == '\\' ? 2 : 1;
        if (end >= text.size()) reader_.fail(node, "a quote that is not closed on its line; add the closing {}", quote);
    }

    void check_list(const YAML::Node& list, int depth) {
        for (const YAML::Node& element : list) {
            if (element.IsNull()) reader_.fail(list, "this list has an element without a value; write it or remove it");
            check(element, depth + 1);
        }
    }

    void check_map(const YAML::Node& map, int depth) {
        std::set<std::string> seen;
        for (const auto& entry : map) {
            if (!entry.first.IsScalar())
                reader_.fail(entry.first, "{} as a key; a key is a word", describe(entry.first));
            if (!seen.insert(entry.first.Scalar()).second)
                reader_.fail(entry.first, "the key '{}' a second time; join the two entries", entry.first.Scalar());
            if (entry.second.IsNull())
                reader_.fail(entry.first, "'{}' has no value; write one, or remove the key", entry.first.Scalar());
            check(entry.first, depth + 1);
            check(entry.second, depth + 1);
        }
    }

    YamlReader reader_;
    std::vector<std::string_view> lines_;
    std::size_t visited_ = 0;
};

/// The parser's words for common mistakes, and ours.
std::string syntax_hint(const std::string& message) {
    static const std::vector<std::pair<const char*, const char*>> kHints = {
        {"illegal map value",
         "a colon where no key can stand; check the indentation, and for a space behind each colon"},
        {"end of sequence flow not found", "before here, a '[' is not closed"},
        {"end of map flow not found", "before here, a '{' is not closed"},
        {"end of map not found", "this does not continue the map above; check the indentation"},
        {"end of sequence not found", "this does not continue the list above; check the indentation"},
    };
    for (const auto& [said, meant] : kHints)
        if (message == said) return meant;
    return message;
}

/// Refuses a second document, before it is read. (YAML::LoadAll would do, but it never ends where a text begins with a
/// stray comma or bracket: it takes no token and finds one empty document after another.)
class SecondDocument : public YAML::EventHandler {
  public:
    explicit SecondDocument(const SourceText& source) : source_(source) {}
    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++documents_ > 1)
            throw error_at(source_, {mark.line + 1, mark.column + 1},
                           "this stands outside of the one YAML document that a sweep file holds");
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
    void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
    void OnMapEnd() override {}

  private:
    const SourceText& source_;
    int documents_ = 0;
};

YAML::Node parse_document(const SourceText& source) {
    try {
        std::istringstream stream(source.text);
        YAML::Parser parser(stream);
        SecondDocument handler(source);
        while (parser.HandleNextDocument(handler)) continue;
        return YAML::Load(source.text);
    } catch (const YAML::DeepRecursion& error) {
        throw error_at(source, {error.mark.line + 1, error.mark.column + 1},
                       fmt::format("lists and maps nested more than {} deep; a sweep needs fewer", kDeepest));
    } catch (const YAML::Exception& error) {
        throw error_at(source, {error.mark.line + 1, error.mark.column + 1},
                       "this is not YAML: " + syntax_hint(error.msg));
    }
}

bool is_plain_integer(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
    return digits && (text.size() == 1 || text[0] != '0');  // 010 is 8 to some readers of YAML and 10 to others
}

/// The number a decimal text stands for; none for hexadecimal, "nan", "inf" and what is no number.
std::optional<double> to_number(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    if (text.find_first_not_of("0123456789.eE+-") != std::string_view::npos) return std::nullopt;
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::result_out_of_range || end != text.data() + text.size()) return std::nullopt;
    return error == std::errc() ? std::optional(value) : std::nullopt;
}

/// ": write 16" for texts that people, or YAML 1.1, take for a whole number and we do not.
std::string integer_hint(std::string text) {
    if (text.starts_with("0x") || text.starts_with("0o") || text.starts_with("0b")) return " in decimal digits";
    std::erase(text, '_');
    const std::optional<double> value = to_number(text);
    if (!value || *value != std::floor(*value) || std::abs(*value) > 1e15) return "";
    return fmt::format(": write {:.0f}", *value);
}

/// A plain (not quoted) scalar where a number belongs.
std::string number_text(const YamlReader& reader, const YAML::Node& node, const std::string& what, const char* wanted) {
    const std::string text = reader.text(node, what);
    if (is_quoted(node) && to_number(text))
        reader.fail(node, "{} is the quoted text '{}'; {} is needed: write it without quotes", what, text, wanted);
    return text;
}

}  // namespace

Place place_of(const YAML::Node& node) {
    const YAML::Mark mark = node.Mark();
    return mark.is_null() ? Place{} : Place{mark.line + 1, mark.column + 1};
}

std::string describe(const YAML::Node& node) {
    if (node.IsMap()) return "a map";
    if (node.IsSequence()) return "a list";
    if (!node.IsScalar()) return "nothing";
    const std::string& text = node.Scalar();
    const std::string_view shown = first_characters(text, 60);
    return fmt::format("'{}{}'", shown, shown.size() < text.size() ? "..." : "");
}

bool is_quoted(const YAML::Node& node) {
    return node.Tag() == "!";
}

YAML::Node load_yaml(const SourceText& source, const std::function<YAML::Node(YAML::Node)>& rewrite) {
    check_text(source);
    YAML::Node document = parse_document(source);
    if (rewrite && !document.IsNull()) document.reset(rewrite(document));
    if (document.IsNull())
        throw error_at(source, {},
                       "the file is empty; a sweep needs at least `data: {folder: ...}` and `backbone: ...`");
    Checker(source).check(document);
    return document;
}

std::string YamlReader::text(const YAML::Node& node, const std::string& what) const {
    if (!node.IsScalar() || node.Scalar().empty())
        fail(node, "{} is {}; a single value is needed", what, describe(node));
    return node.Scalar();
}

std::int64_t YamlReader::integer(const YAML::Node& node, const std::string& what, std::int64_t low,
                                 std::int64_t high) const {
    const std::string text = number_text(*this, node, what, "a whole number");
    if (!is_plain_integer(text))
        fail(node, "{} is {}; a whole number is needed{}", what, describe(node), integer_hint(text));
    std::int64_t value = 0;
    const char* begin = text.data() + (text[0] == '+' ? 1 : 0);
    const std::errc error = std::from_chars(begin, text.data() + text.size(), value).ec;
    if (error != std::errc() || value < low || value > high)
        fail(node, "{} is {}; it must be from {} to {}", what, text, low, high);
    return value;
}

double YamlReader::number(const YAML::Node& node, const std::string& what, const Range& range) const {
    const std::string text = number_text(*this, node, what, "a number");
    const bool percent = text.ends_with('%') && range.high <= 1;
    std::optional<double> value = to_number(percent ? text.substr(0, text.size() - 1) : text);
    if (value && percent) *value /= 100;
    if (!value) fail(node, "{} is {}; a finite decimal number is needed", what, describe(node));
    const bool low_enough = range.high_included ? *value <= range.high : *value < range.high;
    const bool high_enough = range.low_included ? *value >= range.low : *value > range.low;
    if (!low_enough || !high_enough)
        fail(node, "{} is {}; it must be {} {} and {} {}", what, text, range.low_included ? "at least" : "above",
             range.low, range.high_included ? "at most" : "below", range.high);
    return *value;
}

bool YamlReader::boolean(const YAML::Node& node, const std::string& what) const {
    const std::string text = this->text(node, what);
    if (is_quoted(node) || (text != "true" && text != "false"))
        fail(node, "{} is {}; write true or false", what, describe(node));
    return text == "true";
}

std::string YamlReader::word(const YAML::Node& node, const std::string& kind, const std::vector<std::string>& words,
                             const char* listing) const {
    const std::string text = this->text(node, kind);
    if (std::find(words.begin(), words.end(), text) != words.end()) return text;
    const auto alike =
        std::find_if(words.begin(), words.end(), [&](const auto& word) { return is_spelled(word, text); });
    if (alike == words.end()) fail(node, "unknown {} {}{}", kind, describe(node), instead_of(text, words, listing));
    return *alike;
}

std::vector<YAML::Node> YamlReader::list(const YAML::Node& node, const std::string& what) const {
    if (!node.IsSequence()) fail(node, "{} is {}; a list is needed", what, describe(node));
    if (node.size() == 0) fail(node, "{} is an empty list; give at least one value", what);
    return {node.begin(), node.end()};
}

std::vector<std::pair<std::string, YAML::Node>> YamlReader::entries(const YAML::Node& node, const std::string& what,
                                                                    const std::vector<std::string>& keys) const {
    if (!node.IsMap())
        fail(node, "{} is {}; a map is needed, with keys out of: {}", what, describe(node), fmt::join(keys, ", "));
    std::vector<std::pair<std::string, YAML::Node>> found;
    std::optional<UserError>
        last;  // who has no use for a part of a map ends here, with all that is wrong with its keys
    for (const auto& entry : node) {
        try {
            found.emplace_back(word(entry.first, fmt::format("key in {}:", what), keys), entry.second);
        } catch (const UserError& error) {
            if (last && mistakes_) mistakes_->push_back(last->what());
            last = error;
            if (!mistakes_) break;
        }
    }
    if (last) throw UserError(*last);
    return found;
}

}  // namespace thaw
