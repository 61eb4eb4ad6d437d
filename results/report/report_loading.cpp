#include "results/report/report_loading.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/backbones/backbones.hpp"
#include "common/util/error.hpp"
#include "results/query/class_scores.hpp"
#include "results/store/predictions.hpp"

namespace thaw {
namespace {

/// Images that are not labelled say nothing of how right predictions are: they are left out.
void keep_labelled(ImagePredictions& test) {
    const auto keep = [&](auto& list) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < std::min(list.size(), test.images.size()); ++i)
            if (test.images[i].label >= 0) list[kept++] = list[i];
        list.resize(kept);
    };
    for (auto& [trial, predicted] : test.by_trial) keep(predicted);
    std::erase_if(test.images, [](const ImageRecord& image) { return image.label < 0; });
    if (test.images.empty()) test.by_trial.clear();
}

/// The trials that are compared image by image.
std::set<std::string> compared_trials(const ReportData& data) {
    std::vector<std::size_t> configurations = best_by_level(data.analysis, kBackboneAxis);
    if (data.analysis.configurations.size() > 1) configurations.push_back(1);
    std::set<std::string> trials;
    for (const std::size_t i : configurations)
        for (const std::size_t trial : data.analysis.configurations[i].trials)
            trials.insert(data.leaderboard.trials[trial].id);
    return trials;
}

struct Network {
    std::int64_t parameters = 0;
    double flops = 0;
    int layers = 0;
};

/// Nothing for a network that this thaw does not know.
Network network_of(const std::string& backbone, int image_size) {
    Network network;
    try {
        const LayerGraph graph = build_backbone(backbone, image_size, PaddingStyle::symmetric);
        network.layers = graph.top_begin;
        for (int i = 0; i < graph.top_begin; ++i) {
            network.parameters += graph.layers[static_cast<std::size_t>(i)].parameters;
            network.flops += static_cast<double>(graph.layers[static_cast<std::size_t>(i)].flops);
        }
    } catch (const UserError&) {
        return {};
    }
    return network;
}

/// Seconds for one image through the frozen layers, on average over the stages of this network and size.
double frozen_seconds(const Database& database, const std::string& backbone, const std::string& image_size) {
    const std::string begin = fmt::format("{} at {} px", backbone, image_size);
    Statement sums = database.prepare(
        "SELECT total(seconds), total(computed) FROM stages WHERE kind = 'features' AND error = '' AND NOT reused"
        " AND substr(description, 1, length(?1)) = ?1");
    sums.with(begin);
    return sums.step() && sums.real(1) > 0 ? sums.real(0) / sums.real(1) : 0;
}

}  // namespace

void load_predictions(const Database& database, ReportData& data) {
    data.validation.images = load_images(database, data.sweep.data_fingerprint, "validation");
    data.test.images = load_images(database, data.sweep.data_fingerprint, "test");
    Statement copies =
        database.prepare("SELECT place, path FROM trained_copies WHERE data_fingerprint = ?1 AND part = 'validation'");
    copies.with(data.sweep.data_fingerprint);
    while (copies.step())
        if (const auto place = static_cast<std::size_t>(copies.integer(0)); place < data.validation.images.size())
            data.validation.images[place].trained_copy = copies.text(1);
    Statement of_trial = database.prepare("SELECT classes FROM predictions WHERE trial = ?1 AND part = 'validation'");
    for (const std::string& trial : compared_trials(data)) {
        of_trial.with(trial);
        while (of_trial.step()) data.validation.by_trial[trial] = unpacked_classes(of_trial.text(0));
    }
    Statement tests = database.prepare(
        "SELECT trial, predictions.classes FROM predictions WHERE part = 'test' AND trial IN (SELECT id FROM"
        " comparable_trials)");
    while (tests.step()) data.test.by_trial[tests.text(0)] = unpacked_classes(tests.text(1));
    keep_labelled(data.test);
}

void load_costs(const Database& database, ReportData& data) {
    constexpr std::size_t kImageSizeAxis = axis_of("image_size");
    for (const std::size_t i : best_by_level(data.analysis, kBackboneAxis)) {
        const AxisValues& axes = data.first_trial(data.analysis.configurations[i]).axes;
        const std::string backbone = axis_text(axes, kBackboneAxis), size = axis_text(axes, kImageSizeAxis);
        const auto* pixels = std::get_if<std::int64_t>(&axes[kImageSizeAxis]);
        const Network network = network_of(backbone, pixels ? static_cast<int>(*pixels) : 0);
        const auto level = static_cast<std::size_t>(data.analysis.level_of[i][kBackboneAxis]);
        data.costs[data.analysis.levels[kBackboneAxis][level].label] = {
            .parameters = network.parameters,
            .flops = network.flops,
            .layers = network.layers,
            .frozen_seconds = frozen_seconds(database, backbone, size)};
    }
    Statement decoding =
        database.prepare("SELECT total(seconds) FROM stages WHERE kind = 'decode' AND error = '' AND NOT reused");
    if (decoding.step()) data.decode_seconds = decoding.real(0);
}

}  // namespace thaw
