#include "coordinator/sweep/distribution.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "common/util/names.hpp"

namespace thaw {
namespace {

const NameTable<Distribution::Kind> kKinds = {
    {Distribution::uniform, "uniform"}, {Distribution::log_uniform, "log_uniform"}, {Distribution::choice, "choice"}};

std::vector<std::string> kind_names() {
    std::vector<std::string> names;
    for (const auto& [kind, name] : kKinds) names.emplace_back(name);
    return names;
}

bool is_number_setting(const Setting& setting) {
    return std::holds_alternative<std::int64_t>(setting) || std::holds_alternative<double>(setting);
}

double as_double(const Setting& setting) {
    const std::int64_t* whole = std::get_if<std::int64_t>(&setting);
    return whole ? static_cast<double>(*whole) : std::get<double>(setting);
}

/// Both ends as values of the axis, so that they are held to its limits.
void read_ends(const AxisContext& context, const AxisKind& kind, const YAML::Node& ends, Distribution& range) {
    const char* name = name_of(kKinds, range.kind);
    if (!is_number_setting(kind.usual))
        context.reader.fail(ends, "{} has no numbers to draw from; write {{choice: [A, B]}}, or a list", kind.name);
    if (!ends.IsSequence() || ends.size() != 2 || !ends[0].IsScalar() || !ends[1].IsScalar())
        context.reader.fail(ends, "{} of {} needs two numbers; write {{{}: [LOWEST, HIGHEST]}}", name, kind.name, name);
    range.low = kind.read(context, ends[0]);
    range.high = kind.read(context, ends[1]);
    if (as_double(range.low) >= as_double(range.high))
        context.reader.fail(ends, "{} from {} to {}; the first number must be less than the second", name,
                            setting_text(range.low), setting_text(range.high));
    if (range.kind == Distribution::log_uniform && as_double(range.low) <= 0)
        context.reader.fail(ends[0], "log_uniform from 0, which has no logarithm; start above it");
}

double three_digits(double value) {
    const std::string text = fmt::format("{:.2e}", value);
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

}  // namespace

bool is_distribution(const AxisKind& kind, const YAML::Node& node) {
    if (!node.IsMap()) return false;
    return is_number_setting(kind.usual) || std::any_of(node.begin(), node.end(), [](const auto& entry) {
               return std::any_of(kKinds.begin(), kKinds.end(),
                                  [&](const auto& known) { return entry.first.Scalar() == known.second; });
           });
}

Distribution read_distribution(const AxisContext& context, const AxisKind& kind, const YAML::Node& node) {
    const auto entries = context.reader.entries(node, kind.name, kind_names());
    if (entries.size() != 1)
        context.reader.fail(node, "{} distributions for {}; write one of: {}", entries.size(), kind.name,
                            fmt::join(kind_names(), ", "));
    Distribution distribution{parse_name("distribution", kKinds, entries[0].first), {}, {}, place_of(node)};
    if (distribution.kind == Distribution::choice)
        context.reader.list(entries[0].second, fmt::format("{}.choice", kind.name));
    else
        read_ends(context, kind, entries[0].second, distribution);
    return distribution;
}

Setting draw(const Distribution& range, std::uint64_t bits) {
    const double low = as_double(range.low), high = as_double(range.high);
    const double part = static_cast<double>(bits >> 11) * 0x1p-53;  // in [0, 1)
    const bool logarithmic = range.kind == Distribution::log_uniform;
    const double value = logarithmic ? low * std::pow(high / low, part) : low + part * (high - low);
    if (!value_count(range)) return std::clamp(three_digits(value), low, high);
    const std::int64_t first = std::get<std::int64_t>(range.low), last = std::get<std::int64_t>(range.high);
    if (!logarithmic) return first + static_cast<std::int64_t>(pick(bits, *value_count(range)));
    if (value >= high) return last;  // before a cast that could overflow
    return std::clamp(static_cast<std::int64_t>(std::round(value)), first, last);
}

std::uint64_t pick(std::uint64_t bits, std::uint64_t count) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>(Wide{bits} * count >> 64);
}

bool may_be_drawn(const Distribution& range, const Setting& value) {
    return is_number_setting(value) && as_double(value) >= as_double(range.low) &&
           as_double(value) <= as_double(range.high);
}

std::optional<std::uint64_t> value_count(const Distribution& range) {
    if (!std::holds_alternative<std::int64_t>(range.low)) return std::nullopt;
    return static_cast<std::uint64_t>(std::get<std::int64_t>(range.high) - std::get<std::int64_t>(range.low)) + 1;
}

}  // namespace thaw
