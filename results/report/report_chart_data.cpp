// The numbers that the page's scripts draw charts from.
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "common/util/text.hpp"
#include "results/report/report_figures.hpp"
#include "results/report/report_sentences.hpp"

namespace thaw {
namespace {

using nlohmann::json;

json number(double value) {
    if (!std::isfinite(value)) return nullptr;
    const double scale = value == 0 ? 1 : std::pow(10, 4 - std::floor(std::log10(std::abs(value))));
    return std::round(value * scale) / scale;  // five digits are more than a screen has
}

json curve_of(const ReportData& data, const TrialCurve& curve) {
    json epochs = json::array(), train = json::array(), validation = json::array();
    json train_loss = json::array(), validation_loss = json::array();
    for (const EpochRecord& epoch : curve.epochs) {
        epochs.push_back(epoch.epoch);
        train.push_back(number(epoch.train_accuracy));
        validation.push_back(number(epoch.validation_accuracy));
        train_loss.push_back(number(epoch.train_loss));
        validation_loss.push_back(number(epoch.validation_loss));
    }
    const std::optional<int> turned = overfits_from(curve.epochs);
    return {{"trial", data.leaderboard.trials[curve.trial].id},
            {"epochs", epochs},
            {"accuracy", {{"train", train}, {"validation", validation}}},
            {"loss", {{"train", train_loss}, {"validation", validation_loss}}},
            {"turned", turned ? json(*turned) : json(nullptr)}};
}

/// An axis, and each drawn configuration's value on it: a number, or its strip's place.
json axis_of(const ReportData& data, const AxisEffect& effect, const std::vector<std::size_t>& drawn) {
    const AxisDrawing drawing = drawing_of(effect);
    json labels = json::array(), values = json::array(), means = json::array();
    std::map<int, int> place;
    for (const int level : drawing.strips) {
        place.emplace(level, static_cast<int>(place.size()));
        labels.push_back(clean_text(effect.levels[static_cast<std::size_t>(level)].label));
        means.push_back(number(effect.means[static_cast<std::size_t>(level)]));
    }
    for (const std::size_t i : drawn) {
        const int level = data.analysis.level_of[i][effect.axis];
        const auto strip = place.find(level);
        if (drawing.scatter)
            values.push_back(number(effect.levels[static_cast<std::size_t>(level)].number));
        else
            values.push_back(strip == place.end() ? json(nullptr) : json(strip->second));
    }
    if (drawing.scatter && effect.levels.size() <= kMostPairedLevels)
        for (std::size_t level = 0; level < effect.levels.size(); ++level)
            means.push_back({number(effect.levels[level].number), number(effect.means[level])});
    return {{"label", kAxes[effect.axis].label},
            {"scatter", drawing.scatter},
            {"logarithmic", drawing.logarithmic},
            {"labels", labels},
            {"values", values},
            {"means", means}};
}

}  // namespace

std::string chart_data(const ReportData& data) {
    const std::vector<std::size_t> drawn = drawn_configurations(data);
    json names = json::array(), accuracies = json::array(), seconds = json::array(), front = json::array();
    for (const std::size_t i : drawn) {
        const Configuration& configuration = data.analysis.configurations[i];
        names.push_back(clean_text(configuration_text(data, configuration)));
        accuracies.push_back(number(configuration.accuracy.mean));
        seconds.push_back(number(configuration.seconds));
    }
    std::map<std::size_t, std::size_t> places;
    for (std::size_t place = 0; place < drawn.size(); ++place) places[drawn[place]] = place;
    for (const std::size_t i : data.analysis.front) front.push_back(places.at(i));
    json axes = json::array(), curves = json::array();
    for (const AxisEffect& effect : data.analysis.effects) axes.push_back(axis_of(data, effect, drawn));
    for (const TrialCurve& curve : data.curves) curves.push_back(curve_of(data, curve));
    const json all = {{"names", names}, {"accuracies", accuracies}, {"seconds", seconds}, {"front", front},
                      {"axes", axes},   {"curves", curves}};
    std::string text = all.dump(), safe;
    for (const char c : text) safe += c == '<' ? std::string("\\u003c") : std::string(1, c);
    return safe;
}

}  // namespace thaw
