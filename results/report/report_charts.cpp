#include "results/report/report_charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/util/text.hpp"
#include "results/report/analysis.hpp"

namespace thaw {
namespace {

constexpr double kWidth = 360;  // in CSS pixels at full size

/// In -1 to 1, to tell dots in one place apart.
double jitter(std::size_t index) {
    return 2 * spread(index) - 1;
}

/// Plain, random-weights and best dots, each a path; `place` says where a dot goes.
template <typename PlaceOf>
std::string draw_dots(const std::vector<Dot>& dots, const PlaceOf& place) {
    std::vector<SvgPoint> plain, random, holes, best;
    for (std::size_t i = 0; i < dots.size(); ++i) {
        if (!std::isfinite(dots[i].accuracy)) continue;
        SvgPoint point = place(dots[i], i);
        if (dots[i].random && !dots[i].best) holes.push_back(point);
        point.tip = dots[i].tip;
        (dots[i].best ? best : dots[i].random ? random : plain).push_back(point);
    }
    return svg_dots("dot", plain) + svg_dots("dot random", random) + svg_dots("dot hole", holes) +
           svg_dots("dot best", best);
}

/// 1, 2 and 5 times the powers of ten whose logarithms are in the span.
std::vector<double> powers(Span span) {
    std::vector<double> values;
    for (double power = std::floor(span.low); power <= span.high; ++power)
        for (const double digit : {1.0, 2.0, 5.0})
            if (const double at = power + std::log10(digit); at >= span.low && at <= span.high)
                values.push_back(digit * std::pow(10, power));
    return values;
}

std::vector<SvgPoint> curve_points(const std::vector<EpochRecord>& epochs, Curve curve, bool train, const Scale& x,
                                   const Scale& y) {
    std::vector<SvgPoint> points;
    for (const EpochRecord& epoch : epochs) {
        const double accuracy = train ? epoch.train_accuracy : epoch.validation_accuracy;
        const double loss = train ? epoch.train_loss : epoch.validation_loss;
        points.push_back({x(epoch.epoch), y(curve == Curve::accuracy ? accuracy : loss),
                          fmt::format("epoch {}, {}: {}", epoch.epoch, train ? "train" : "validation",
                                      curve == Curve::accuracy ? percent(accuracy) : decimals(loss, 4))});
    }
    return points;
}

/// Labels of two lines' ends, moved apart where they would overlap.
void part(double& first, double& second, double distance) {
    const double missing = distance - std::abs(first - second);
    if (missing <= 0) return;
    const double shift = (first <= second ? -missing : missing) / 2;
    first += shift;
    second -= shift;
}

}  // namespace

std::string strip_chart(const std::string& title, const std::vector<Strip>& strips, Span accuracy) {
    constexpr std::size_t kLongestLabel = 22;
    std::size_t longest = 3;
    for (const Strip& strip : strips) longest = std::max(longest, display_width(cut_text(strip.label, kLongestLabel)));
    const double left = 14 + kCharacter * static_cast<double>(longest), right = kWidth - 52;
    const double row = strips.size() > 8 ? 22 : 32, top = 20, bottom = top + row * static_cast<double>(strips.size());
    const Scale x{accuracy, left, right};
    std::string content = svg_label("tick", right + 8, top - 8, "mean");
    for (const double tick : ticks(accuracy, 5)) {
        content += svg_line("grid", x(tick), top - 2, x(tick), bottom);
        content += svg_label("tick middle", x(tick), bottom + 15, tick_percent(tick));
    }
    for (std::size_t i = 0; i < strips.size(); ++i) {
        const double y = top + row * (static_cast<double>(i) + 0.5);
        content += svg_label("name end", left - 10, y + 4, cut_text(strips[i].label, kLongestLabel));
        content += draw_dots(strips[i].dots, [&](const Dot& dot, std::size_t index) {
            return SvgPoint{x(dot.accuracy), y + 0.3 * row * jitter(index)};
        });
        const double mean = strips[i].mean;
        if (!std::isfinite(mean)) continue;
        content += fmt::format("<path class=\"mean\" data-tips=\"{}\" d=\"M{:.1f} {:.1f}v{:.1f}v{:.1f}\"/>",
                               escape_html(clean_text(fmt::format("{}: mean {}", strips[i].label, percent(mean)))),
                               x(mean), y, -0.42 * row, 0.84 * row);
        content += svg_label("name", right + 8, y + 4, fmt::format("{:.1f}", 100 * mean));
    }
    return svg_picture(kWidth, bottom + 22, title, content);
}

std::string scatter_chart(const std::string& title, const std::vector<Dot>& dots, const Trend& trend, Span accuracy,
                          bool logarithmic) {
    constexpr double kHeight = 220, kLeft = 46, kBottom = kHeight - 38;
    const auto position = [&](double value) { return logarithmic ? std::log10(value) : value; };
    std::vector<double> positions;
    for (const Dot& dot : dots) positions.push_back(position(dot.x));
    const Scale x{span_of(positions), kLeft + 8, kWidth - 40}, y{accuracy, kBottom, 12};
    std::string content;
    for (const double tick : ticks(accuracy, 6)) {
        content += svg_line("grid", kLeft, y(tick), kWidth - 32, y(tick));
        content += svg_label("tick end", kLeft - 6, y(tick) + 4, tick_percent(tick));
    }
    std::vector<SvgPoint> line;
    double free_from = 0;  // ticks' labels must not overlap
    const auto tick = [&](double value) {
        const double at = x(position(value));
        if (at < free_from) return;
        content += svg_label("tick middle", at, kBottom + 16, short_number(value));
        free_from = at + 44;
    };
    for (const Dot& point : trend.points) {
        if (trend.at_values) tick(point.x);
        if (std::isfinite(point.accuracy)) line.push_back({x(position(point.x)), y(point.accuracy), point.tip});
    }
    if (!trend.at_values)
        for (const double value : logarithmic ? powers(x.span) : ticks(x.span, 5)) tick(value);
    content += svg_label("tick middle", (kLeft + kWidth - 32) / 2, kHeight - 6, trend.x_label);
    const double width = trend.at_values ? 7 : 0;
    content += draw_dots(dots, [&](const Dot& dot, std::size_t index) {
        return SvgPoint{x(position(dot.x)) + width * jitter(index), y(dot.accuracy)};
    });
    content += svg_curve("mean", line);
    if (trend.at_values && !trend.points.empty() && std::isfinite(trend.points.back().accuracy))
        content +=
            svg_label("name", x(position(trend.points.back().x)) + 12, y(trend.points.back().accuracy) + 4, "mean");
    return svg_picture(kWidth, kHeight, title, content);
}

std::string curve_chart(const std::string& title, const std::vector<EpochRecord>& epochs, Curve curve, Span values,
                        int last_epoch) {
    constexpr double kCurveWidth = 230, kHeight = 120, kLeft = 38, kRight = kCurveWidth - 62, kBottom = kHeight - 18;
    const Scale x{{1, std::max(2.0, static_cast<double>(last_epoch))}, kLeft + 4, kRight}, y{values, kBottom, 8};
    std::string content;
    for (const double tick : ticks(values, 5)) {
        content += svg_line("grid", kLeft, y(tick), kRight, y(tick));
        content += svg_label("tick end", kLeft - 5, y(tick) + 4,
                             curve == Curve::accuracy ? tick_percent(tick) : short_number(tick));
    }
    content += svg_label("tick middle", x(1), kBottom + 14, "1");
    if (last_epoch > 1) content += svg_label("tick middle", x(last_epoch), kBottom + 14, fmt::format("{}", last_epoch));
    if (epochs.empty()) return svg_picture(kCurveWidth, kHeight, title + ": no epochs", content);

    if (const auto found = overfitting(epochs)) {
        content += svg_line("turn", x(found->epoch), 8, x(found->epoch), kBottom);
        if (curve == Curve::loss) content += svg_label("tick warn", x(found->epoch) + 3, 15, "overfits");
    }
    const std::vector<SvgPoint> trains = curve_points(epochs, curve, true, x, y);
    const std::vector<SvgPoint> validations = curve_points(epochs, curve, false, x, y);
    content += svg_curve("train", trains) + svg_curve("validation", validations);
    const bool has_train = std::isfinite(trains.back().y), has_validation = std::isfinite(validations.back().y);
    if (has_validation) content += svg_dots("dot best", {{validations.back().x, validations.back().y}});
    double train_at = trains.back().y, validation_at = validations.back().y;
    if (has_train && has_validation) part(train_at, validation_at, 12);
    const double end = trains.back().x + 7;
    if (has_train) content += svg_label("name quiet", end, train_at + 4, "train");
    if (has_validation) content += svg_label("name strong", end, validation_at + 4, "validation");
    return svg_picture(kCurveWidth, kHeight, title, content);
}

}  // namespace thaw
