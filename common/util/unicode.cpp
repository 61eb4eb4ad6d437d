#include "common/util/unicode.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <map>
#include <sstream>
#include <vector>

#include "common/util/embedded.hpp"

namespace thaw {
namespace {

// Unicode's algorithm for Korean syllables, which the table leaves out.
constexpr char32_t kSyllables = 0xAC00, kLeads = 0x1100, kVowels = 0x1161, kTrails = 0x11A7;
constexpr char32_t kBadByte = 0xFFFD;
constexpr char32_t kVowelCount = 21, kTrailCount = 28, kSyllableCount = 11172;

/// What each character that is made of others is made of.
const std::map<char32_t, std::u32string>& decompositions() {
    static const std::map<char32_t, std::u32string> table = [] {
        std::map<char32_t, std::u32string> all;
        std::istringstream lines(kUnicodeDecompositions);
        for (std::string line; std::getline(lines, line);) {
            std::istringstream numbers(line);
            std::uint32_t code = 0, part = 0;
            numbers >> std::hex >> code;
            while (numbers >> part) all[code] += static_cast<char32_t>(part);
        }
        return all;
    }();
    return table;
}

struct CombiningRange {
    std::uint32_t first, last;
    int kind;
};

/// Characters that combine with the one before them; only those of different kinds may change places.
int combining_class(char32_t code) {
    static const std::vector<CombiningRange> ranges = [] {
        std::vector<CombiningRange> all;
        std::istringstream text(kUnicodeCombining);
        for (CombiningRange next; text >> std::hex >> next.first >> next.last >> std::dec >> next.kind;)
            all.push_back(next);
        return all;
    }();
    const auto after = std::ranges::upper_bound(ranges, static_cast<std::uint32_t>(code), {}, &CombiningRange::first);
    return after != ranges.begin() && code <= std::prev(after)->last ? std::prev(after)->kind : 0;
}

void decompose(std::u32string& text, char32_t code) {
    if (code >= kSyllables && code < kSyllables + kSyllableCount) {
        const char32_t place = code - kSyllables, trail = place % kTrailCount;
        text += kLeads + place / (kVowelCount * kTrailCount);
        text += kVowels + place / kTrailCount % kVowelCount;
        if (trail != 0) text += kTrails + trail;
        return;
    }
    const auto found = decompositions().find(code);
    text += found == decompositions().end() ? std::u32string(1, code) : found->second;
}

}  // namespace

char32_t next_character(std::string_view text, std::size_t& at) {
    const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
    const unsigned char first = byte(at++);
    if (first < 0x80) return first;
    const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    if (first < 0xC2 || first > 0xF4 || at + static_cast<std::size_t>(more) > text.size()) return kBadByte;
    char32_t code = first & (0x3F >> more);
    for (int i = 0; i < more; ++i) {
        const unsigned char continuation = byte(at + static_cast<std::size_t>(i));
        if ((continuation & 0xC0) != 0x80) return kBadByte;
        code = (code << 6) | (continuation & 0x3F);
    }
    constexpr std::array<char32_t, 4> kSmallest = {0, 0x80, 0x800, 0x10000};
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (code < kSmallest[static_cast<std::size_t>(more)] || code > 0x10FFFF || surrogate) return kBadByte;
    at += static_cast<std::size_t>(more);
    return code;
}

void append_character(std::string& text, char32_t code) {
    const auto put = [&](char32_t value) { text += static_cast<char>(value); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | (code >> 6)), put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | (code >> 12)), put(0x80 | ((code >> 6) & 0x3F)), put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | (code >> 18)), put(0x80 | ((code >> 12) & 0x3F)), put(0x80 | ((code >> 6) & 0x3F));
        put(0x80 | (code & 0x3F));
    }
}

std::string canonical_decomposition(std::string_view text) {
    std::u32string codes;
    for (std::size_t at = 0; at < text.size();) decompose(codes, next_character(text, at));
    for (auto begin = codes.begin(); begin != codes.end();) {
        const auto combines = [](char32_t code) { return combining_class(code) != 0; };
        begin = std::find_if(begin, codes.end(), combines);
        const auto end = std::find_if_not(begin, codes.end(), combines);
        std::stable_sort(begin, end, [](char32_t a, char32_t b) { return combining_class(a) < combining_class(b); });
        begin = end;
    }
    std::string decomposed;
    for (const char32_t code : codes) append_character(decomposed, code);
    return decomposed;
}

}  // namespace thaw
