#include "common/util/byte_size.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "common/util/error.hpp"

namespace thaw {
namespace {

constexpr std::array<std::pair<std::string_view, double>, 10> kUnits = {{{"", 1},
                                                                         {"b", 1},
                                                                         {"kb", 1e3},
                                                                         {"mb", 1e6},
                                                                         {"gb", 1e9},
                                                                         {"tb", 1e12},
                                                                         {"kib", 1024.0},
                                                                         {"mib", 1048576.0},
                                                                         {"gib", 1073741824.0},
                                                                         {"tib", 1099511627776.0}}};
constexpr double kLargest = 9e18;

}  // namespace

std::int64_t parse_byte_size(const std::string& text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    std::string unit(static_cast<const char*>(end), text.data() + text.size());
    std::erase(unit, ' ');
    std::transform(unit.begin(), unit.end(), unit.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    const auto* const found =
        std::find_if(kUnits.begin(), kUnits.end(), [&](const auto& known) { return known.first == unit; });
    const double bytes = found == kUnits.end() ? 0 : number * found->second;
    if (error != std::errc() || !(bytes >= 1 && bytes <= kLargest))
        throw UserError("'{}' is not a size; write a number with B, kB, MB, GB or TB, such as 20 GB", text);
    return static_cast<std::int64_t>(bytes);
}

std::string byte_size_text(std::int64_t bytes) {
    constexpr std::array<const char*, 5> kNames = {"B", "kB", "MB", "GB", "TB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 999.95 && unit + 1 < kNames.size(); ++unit) value /= 1000;
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kNames[unit]);
}

}  // namespace thaw
