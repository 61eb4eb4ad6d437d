#include "results/store/axes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/trial/trial.hpp"

namespace thaw {
namespace {

/// Depths as layers stand beside how the sweep says them.
struct DepthColumn {
    const char* name;
    const char* help;
};
constexpr DepthColumn kDepthColumns[] = {
    {"frozen_layers", "how many layers that is, as Keras counts them"},
    {"cut", "after how many layers features are taken and kept: what lies before is computed once"}};

using Chosen = bool (*)(std::size_t axis);

std::string joined_columns(std::size_t begin, std::size_t end, Chosen chosen) {
    std::vector<std::string> columns;
    for (std::size_t axis = begin; axis < end; ++axis) {
        if (chosen(axis)) columns.emplace_back(kAxes[axis].name);
        if (axis == kFreezeAxis)
            for (const DepthColumn& depth : kDepthColumns) columns.emplace_back(depth.name);
    }
    return fmt::format("{}", fmt::join(columns, ", "));
}

std::string averaged_names() {
    std::vector<std::string> names;
    for (const AxisRow& row : kAxes)
        if (row.averaged) names.push_back(fmt::format("'{}'", row.name));
    return fmt::format("{}", fmt::join(names, ", "));
}

/// Rows of (place, axis, value, weights, accuracy), of trials called `finals`.
std::string axis_points() {
    std::vector<std::string> selects;
    for (std::size_t axis = 0; axis < kAxes.size(); ++axis) {
        const std::string column = kAxes[axis].name;
        const std::string value =
            axis == kBackboneAxis ? "backbone || iif(weights = 'random', ' (random)', '')" : column;
        selects.push_back(
            fmt::format("SELECT {}, '{}', {}, weights, validation_accuracy FROM finals", axis + 1, column, value));
    }
    return fmt::format("{}", fmt::join(selects, "\n    UNION ALL "));
}

/// Lines of a CREATE TABLE, each with its comma and what the column holds.
std::string columns_sql(std::size_t first, std::size_t last) {
    std::vector<std::string> lines;
    const auto add = [&](const std::string& column, std::string_view help) {
        lines.push_back(fmt::format("{},{}{}", column, help.empty() ? "" : "  -- ", help));
    };
    for (std::size_t axis = first; axis <= last; ++axis) {
        add(column_sql(axis), kAxes[axis].help);
        if (axis == kFreezeAxis)
            for (const auto& [name, help] : kDepthColumns) add(fmt::format("{} INTEGER NOT NULL", name), help);
    }
    return fmt::format("{}", fmt::join(lines, "\n    "));
}

/// Of all axes behind this one.
std::string later_columns_sql(std::size_t axis) {
    std::string text;
    while (++axis < kAxes.size()) text += fmt::format(",\n    {}", column_sql(axis));
    return text;
}

std::string help_lines(std::size_t begin, std::size_t end) {
    std::vector<std::string> lines;
    const auto add = [&](std::string_view name, std::string_view help) {
        lines.push_back(help.empty() ? std::string(name) : fmt::format("{:<24}  {}", name, help));
    };
    for (std::size_t axis = begin; axis < end; ++axis) {
        add(kAxes[axis].name, kAxes[axis].help);
        if (axis == kFreezeAxis)
            for (const auto& [name, help] : kDepthColumns) add(name, help);
    }
    return fmt::format("{}", fmt::join(lines, "\n  "));
}

/// Replaces every "{columns RANGE}" by the columns of that range.
void fill_columns(std::string& in) {
    constexpr std::string_view kRoom = "{columns ", kAfter = "after ";
    for (auto at = in.find(kRoom); at != std::string::npos; at = in.find(kRoom, at)) {
        const auto begin = at + kRoom.size(), end = in.find('}', begin);
        const std::string range = in.substr(begin, end - begin);
        const auto dots = range.find("..");
        const std::string columns = range.starts_with(kAfter)
                                        ? later_columns_sql(axis_of(range.substr(kAfter.size())))
                                        : columns_sql(axis_of(range.substr(0, dots)), axis_of(range.substr(dots + 2)));
        in.replace(at, end + 1 - at, columns);
    }
}

}  // namespace

AxisValues values_of(const Trial& trial) {
    AxisValues values;
    for (std::size_t axis = 0; axis < kAxes.size(); ++axis) values[axis] = axis_value(kAxes[axis], trial);
    return values;
}

bool is_unsaid(std::size_t axis, const Cell& value) {
    return axis >= kFirstUnsaidAxis && value == usual_value(kAxes[axis]);
}

std::string axis_columns(std::size_t begin, std::size_t end) {
    std::vector<std::string> columns;
    for (std::size_t axis = begin; axis < end; ++axis) columns.emplace_back(kAxes[axis].name);
    return fmt::format("{}", fmt::join(columns, ", "));
}

std::string usual_sql(const AxisRow& row) {
    const Cell usual = usual_value(row);
    if (const auto* whole = std::get_if<std::int64_t>(&usual)) return fmt::format("{}", *whole);
    if (const auto* number = std::get_if<double>(&usual)) return fmt::format("{}", *number);
    return fmt::format("'{}'", std::get<std::string>(usual));
}

std::string column_sql(std::size_t axis) {
    constexpr const char* kTypes[] = {"", "INTEGER", "REAL", "TEXT"};  // by Cell's alternatives
    const AxisRow& row = kAxes[axis];
    const char* type = kTypes[usual_value(row).index()];
    const std::string usual = axis < kFirstUnsaidAxis ? "" : " DEFAULT " + usual_sql(row);
    return fmt::format("{} {} NOT NULL{}", row.name, type, usual);
}

std::string with_axes(std::string text) {
    const auto fill = [&](const std::string& room, const std::string& with) {
        for (auto at = text.find(room); at != std::string::npos; at = text.find(room, at + with.size()))
            text.replace(at, room.size(), with);
    };
    const auto fill_names = [&](const std::string& room, std::size_t begin, std::size_t end) {
        fill("{" + room + "}", joined_columns(begin, end, [](std::size_t) { return true; }));
        fill("{" + room + " but averaged}", joined_columns(begin, end, [](auto axis) { return !is_averaged(axis); }));
        fill("{" + room + " but epochs}",
             joined_columns(begin, end, [](auto axis) { return axis != axis_of("epochs"); }));
        fill("{help of " + room + "}", help_lines(begin, end));
    };
    fill_names("axes", 0, kFirstLaterAxis);
    fill_names("later_axes", kFirstLaterAxis, kAxes.size());
    fill("{averaged axes' names}", averaged_names());
    fill("{axis_points}", axis_points());
    fill_columns(text);
    return text;
}

}  // namespace thaw
