#include "common/util/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "common/util/unicode.hpp"

namespace thaw {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

bool is_control(char32_t code) {
    const bool steers_direction = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || steers_direction;
}

struct CodeRange {
    char32_t first, last;
};

template <std::size_t N>
bool is_in(const std::array<CodeRange, N>& ranges, char32_t code) {
    for (const CodeRange& range : ranges)
        if (code >= range.first && code <= range.last) return true;
    return false;
}

std::size_t width_of(char32_t code) {
    static constexpr std::array<CodeRange, 5> kCombining = {
        {{0x300, 0x36F}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}}};
    static constexpr std::array<CodeRange, 9> kWide = {{{0x1100, 0x115F},
                                                        {0x2E80, 0xA4CF},
                                                        {0xAC00, 0xD7A3},
                                                        {0xF900, 0xFAFF},
                                                        {0xFE30, 0xFE6F},
                                                        {0xFF00, 0xFF60},
                                                        {0xFFE0, 0xFFE6},
                                                        {0x1F300, 0x1FAFF},
                                                        {0x20000, 0x3FFFD}}};
    if (is_in(kCombining, code)) return 0;
    return is_in(kWide, code) ? 2 : 1;
}

}  // namespace

std::string clean_text(std::string_view text) {
    std::string clean;
    for (std::size_t at = 0; at < text.size();) {
        const char32_t code = next_character(text, at);
        const bool blank = code == '\n' || code == '\t' || code == '\r';
        append_character(clean, blank ? U' ' : is_control(code) ? kReplacement : code);
    }
    return clean;
}

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    for (std::size_t at = 0; at < text.size();) width += width_of(next_character(text, at));
    return width;
}

std::string cut_text(std::string_view text, std::size_t columns) {
    std::string clean = clean_text(text);
    if (display_width(clean) <= columns) return clean;
    std::size_t width = 1;  // of the ellipsis
    for (std::size_t at = 0; at < clean.size();) {
        const std::size_t here = at;
        width += width_of(next_character(clean, at));
        if (width > columns) return clean.substr(0, here) + "…";
    }
    return clean;
}

std::string escape_line(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '\n' || c == '\r' || c == '\\') escaped += '\\';
        escaped += c == '\n' ? 'n' : c == '\r' ? 'r' : c;
    }
    return escaped;
}

std::string escape_html(std::string_view text) {
    std::string escaped;
    for (std::size_t at = 0; at < text.size();) {
        const char32_t code = next_character(text, at);
        switch (code) {
            case '&':
                escaped += "&amp;";
                break;
            case '<':
                escaped += "&lt;";
                break;
            case '>':
                escaped += "&gt;";
                break;
            case '"':
                escaped += "&quot;";
                break;
            case '\'':
                escaped += "&#39;";
                break;
            case '\n':
                escaped += '\n';
                break;
            case '\t':
                escaped += ' ';
                break;
            case '\r':
                break;
            default:
                append_character(escaped, is_control(code) ? kReplacement : code);
        }
    }
    return escaped;
}

std::string escape_markdown(std::string_view text) {
    std::string escaped;
    for (const char c : clean_text(text)) {
        if (std::string_view("\\`*_{}[]<>#|").find(c) != std::string_view::npos) escaped += '\\';
        escaped += c;
    }
    return escaped;
}

std::string escape_latex(std::string_view text) {
    // What a terminal shows as one sign, TeX without packages does not know: it is named.
    static constexpr std::pair<std::string_view, std::string_view> kWritten[] = {{"\\", "\\textbackslash{}"},
                                                                                 {"~", "\\textasciitilde{}"},
                                                                                 {"^", "\\textasciicircum{}"},
                                                                                 {"&", "\\&"},
                                                                                 {"%", "\\%"},
                                                                                 {"$", "\\$"},
                                                                                 {"#", "\\#"},
                                                                                 {"_", "\\_"},
                                                                                 {"{", "\\{"},
                                                                                 {"}", "\\}"},
                                                                                 {"±", "$\\pm$"},
                                                                                 {"–", "--"},
                                                                                 {"…", "\\dots{}"}};
    const std::string clean = clean_text(text);
    std::string escaped;
    for (std::size_t at = 0; at < clean.size();) {
        const auto found = std::find_if(std::begin(kWritten), std::end(kWritten), [&](const auto& pair) {
            return clean.compare(at, pair.first.size(), pair.first) == 0;
        });
        const bool plain = found == std::end(kWritten);
        escaped += plain ? clean.substr(at, 1) : std::string(found->second);
        at += plain ? 1 : found->first.size();
    }
    return escaped;
}

std::string decimals(double value, int digits) {
    return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "–";
}

std::string percent(double fraction) {
    return std::isfinite(fraction) ? fmt::format("{:.2f} %", 100 * fraction) : "–";
}

std::string human_number(double value) {
    return std::isfinite(value) ? fmt::format("{:.6g}", value) : "–";
}

std::string human_seconds(double seconds) {
    if (!std::isfinite(seconds)) return "–";
    if (seconds < 10) return fmt::format("{:.2f} s", seconds);
    if (seconds < 120) return fmt::format("{:.0f} s", seconds);
    const auto whole = std::llround(seconds);
    if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string human_bytes(double bytes) {
    constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
    if (!std::isfinite(bytes)) return "–";
    std::size_t unit = 0;
    for (; bytes >= 1024 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
    return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, kUnits[unit]);
}

std::string thousands(std::int64_t number) {
    const std::string digits = fmt::format("{}", number);
    std::string text;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const bool between = i > 0 && digits[i - 1] != '-' && (digits.size() - i) % 3 == 0;
        if (between) text += ',';
        text += digits[i];
    }
    return text;
}

std::string counted(std::int64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace thaw
