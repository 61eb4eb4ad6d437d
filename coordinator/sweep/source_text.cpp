#include "coordinator/sweep/source_text.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <system_error>
#include <utility>

namespace thaw {
namespace {

constexpr std::size_t kShownWidth = 110;       // characters of a line that an error shows
constexpr std::size_t kLongestMessage = 2000;  // characters

/// A line without its end; empty behind the last one.
std::string_view line_at(const SourceText& source, int line) {
    std::string_view text = source.text;
    for (int i = 1; i < line; ++i) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) return {};
        text.remove_prefix(end + 1);
    }
    text = text.substr(0, text.find('\n'));
    if (text.ends_with('\r')) text.remove_suffix(1);
    return text;
}

bool continues(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// Number of characters in UTF-8 text; a stray byte counts as one.
std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char byte) { return !continues(byte); }));
}

/// Drops the first `count` characters.
std::string_view skip_characters(std::string_view text, std::size_t count) {
    std::size_t at = 0;
    for (; at < text.size(); ++at)
        if (!continues(text[at]) && count-- == 0) break;
    return text.substr(at);
}

/// Text as it may go to a terminal: tabs become spaces, whatever a terminal would act on a question mark.
std::string printable(std::string_view text) {
    std::string shown(first_characters(text, kLongestMessage));
    for (char& byte : shown) {
        if (byte == '\t') byte = ' ';
        if ((static_cast<unsigned char>(byte) < 0x20 && byte != '\n') || byte == 0x7F) byte = '?';
    }
    return shown;
}

/// Length of the UTF-8 character that begins at `at`; 0 where none does (bad lead byte, overlong, surrogate, too
/// large).
std::size_t character_length(std::string_view text, std::size_t at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) return 1;
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || at + length > text.size()) return 0;
    std::uint32_t code = lead & (0xFFu >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if (!continues(text[at + i])) return 0;
        code = code << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3F);
    }
    const std::uint32_t smallest = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
    return code < smallest || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ? 0 : length;
}

/// Characters that look like a space, or like nothing, and that are neither to YAML.
constexpr std::pair<std::string_view, const char*> kInvisible[] = {
    {"\u00A0", "U+00A0, a no-break space"},        {"\u00AD", "U+00AD, a soft hyphen"},
    {"\u200B", "U+200B, a zero-width space"},      {"\u200C", "U+200C, a zero-width non-joiner"},
    {"\u200D", "U+200D, a zero-width joiner"},     {"\u200E", "U+200E, a left-to-right mark"},
    {"\u200F", "U+200F, a right-to-left mark"},    {"\u2028", "U+2028, a line separator"},
    {"\u202F", "U+202F, a narrow no-break space"}, {"\u2060", "U+2060, a word joiner"},
    {"\u3000", "U+3000, an ideographic space"},    {"\uFEFF", "U+FEFF, a byte order mark"}};

/// Names the first of them in a line that something is wrong with.
std::string invisible_text(std::string_view line, int number) {
    if (number == 1 && line.starts_with("\uFEFF")) line.remove_prefix(3);  // where it belongs
    std::size_t first = line.size();
    const char* name = nullptr;
    for (const auto& [character, called] : kInvisible)
        if (const std::size_t at = line.find(character); at < first) first = at, name = called;
    return name ? fmt::format("; the line holds an invisible character in column {}: {}",
                              characters(line.substr(0, first)) + 1, name)
                : "";
}

}  // namespace

std::string_view first_characters(std::string_view text, std::size_t count) {
    return text.substr(0, text.size() - skip_characters(text, count).size());
}

UserError error_at(const SourceText& source, Place place, std::string_view message) {
    if (!place) return UserError("{}: {}", source.file.string(), printable(message));
    std::string_view line = line_at(source, place.line);
    const std::string invisible = invisible_text(line, place.line);
    std::size_t column = characters(line.substr(0, static_cast<std::size_t>(std::max(place.column - 1, 0))));
    const std::string where = fmt::format("{}:{}:{}", source.file.string(), place.line, column + 1);
    if (column > kShownWidth / 2) {
        line = skip_characters(line, column - kShownWidth / 2);
        column = kShownWidth / 2;
    }
    line = first_characters(line, kShownWidth);
    return UserError("{}: {}{}\n    {}\n    {:>{}}", where, printable(message), invisible, printable(line), '^',
                     column + 1);
}

void check_text(const SourceText& source) {
    const std::string_view text = source.text;
    Place place{1, 1};
    bool indenting = true;
    for (std::size_t at = 0, length = 0; at < text.size(); at += length) {
        const auto byte = static_cast<unsigned char>(text[at]);
        length = character_length(text, at);
        if (length == 0)
            throw error_at(source, place, fmt::format("the byte 0x{:02x} is not UTF-8; save the file as UTF-8", byte));
        if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F)
            throw error_at(source, place,
                           fmt::format("the control character 0x{:02x}; a sweep file is plain text", byte));
        if (byte == '\t' && indenting) throw error_at(source, place, "a tab in the indentation; YAML wants spaces");
        if (byte != ' ') indenting = byte == '\n';
        place = byte == '\n' ? Place{place.line + 1, 1} : Place{place.line, place.column + static_cast<int>(length)};
    }
}

SourceText read_source(const std::filesystem::path& file, std::size_t limit) {
    if (std::filesystem::is_directory(file)) throw UserError("{}: is a folder; a sweep file is needed", file.string());
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw UserError("{}: cannot be read: {}", file.string(), std::generic_category().message(errno));
    SourceText source{file, std::string(limit + 1, '\0')};  // one byte more tells a file that is too large
    stream.read(source.text.data(), static_cast<std::streamsize>(source.text.size()));
    if (stream.bad()) throw UserError("{}: cannot be read: {}", file.string(), std::generic_category().message(errno));
    source.text.resize(static_cast<std::size_t>(stream.gcount()));
    if (source.text.size() > limit)
        throw UserError("{}: is larger than {} bytes; a sweep file is small", file.string(), limit);
    return source;
}

}  // namespace thaw
