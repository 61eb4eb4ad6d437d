#include "common/util/nearest.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <numeric>

namespace thaw {
namespace {

/// Levenshtein distance, case ignored.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0]++;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const bool equal =
                std::tolower(static_cast<unsigned char>(a[i])) == std::tolower(static_cast<unsigned char>(b[j]));
            const std::size_t substituted = diagonal + (equal ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
    std::string best;
    std::size_t smallest = std::max<std::size_t>(2, word.size() / 3) + 1;
    for (const std::string& candidate : candidates) {
        const bool begins = word.size() > 3 && candidate.starts_with(word);
        const std::size_t distance = begins ? 1 : edit_distance(word, candidate);
        if (distance < smallest) {
            smallest = distance;
            best = candidate;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
    const std::string best = nearest(word, candidates);
    return best.empty() ? "" : fmt::format(" (did you mean '{}'?)", best);
}

std::string instead_of(std::string_view word, const std::vector<std::string>& candidates, const char* listing) {
    constexpr std::size_t kShort = 12, kNear = 5, kFar = 10;
    const std::string best = did_you_mean(word, candidates);
    if (candidates.size() <= kShort) return fmt::format("{}; there are: {}", best, fmt::join(candidates, ", "));
    std::vector<std::string> near = candidates;
    std::stable_sort(near.begin(), near.end(), [&](const std::string& a, const std::string& b) {
        return edit_distance(word, a) < edit_distance(word, b);
    });
    near.resize(best.empty() ? kFar : kNear);
    return fmt::format("{}; the nearest are: {}; {}", best, fmt::join(near, ", "),
                       listing ? fmt::format("`{}` lists all {}", listing, candidates.size())
                               : fmt::format("there are {} more", candidates.size() - near.size()));
}

}  // namespace thaw
