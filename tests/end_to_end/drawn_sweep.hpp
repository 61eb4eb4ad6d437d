// Small sweeps drawn at random over the folder with shapes, and the machine that their plan is made for: all of it
// decided by one number.
#pragma once

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "common/trial/speeds.hpp"

namespace thaw {

struct DrawnSweep {
    std::string yaml;
    /// What the planner is told of the frozen pass: features are worth a file, at most memory, or nothing.
    enum class Machine { usual, fast, infinite } machine = Machine::usual;
    Speeds speeds;
};

class SweepDrawer {
  public:
    explicit SweepDrawer(std::uint64_t number) : random_(number) {}

    DrawnSweep draw() {
        const std::vector<std::string> backbones = some(
            {"mobilenet_v2", "mobilenet_v2", "mobilenet_v1", "efficientnet_lite0", "resnet18"}, chance(25) ? 2 : 1);
        const std::string image_size = one({"32", "32", "40", "48"});
        DrawnSweep sweep;
        sweep.machine = static_cast<DrawnSweep::Machine>(below(3));
        sweep.speeds = speeds(sweep.machine, backbones, std::stoi(image_size));
        sweep.yaml = "name: test\ndata: {folder: shapes, split: {validation: " + one({"0.2", "0.25", "0.4"}) +
                     "}}\nweights: random\nimage_size: " + image_size + "\nbackbone: [" + joined(backbones) + "]\n" +
                     axes(backbones) + budgets(sweep.machine);
        return sweep;
    }

  private:
    using Words = std::vector<std::string>;
    using Axes = std::vector<std::pair<std::string, Words>>;

    std::size_t below(std::size_t count) { return random_() % count; }
    bool chance(std::size_t percent) { return below(100) < percent; }
    std::string one(const Words& words) { return words[below(words.size())]; }
    /// So many of them, in random order, none twice.
    Words some(const Words& words, std::size_t count) {
        Words drawn;
        while (drawn.size() < count) {
            const std::string word = one(words);
            if (std::find(drawn.begin(), drawn.end(), word) == drawn.end()) drawn.push_back(word);
        }
        return drawn;
    }
    static std::string joined(const Words& words) {
        std::string text;
        for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
        return text;
    }

    /// Shallow ones take long to train. Blocks have names of their own in every backbone; numbers and percentages fit
    /// all.
    static Words freeze_depths(const Words& backbones, bool shallow) {
        struct Depths {
            Words deep, shallow;
        };
        static const std::map<std::string, Depths> kDepths = {
            {"mobilenet_v2",
             {{"features.14", "features.17", "150", "90%"}, {"none", "none", "none", "features.2", "10", "30%"}}},
            {"mobilenet_v1",
             {{"features.12", "features.12.dw_relu", "80", "90%"}, {"none", "none", "none", "features.3", "20%"}}},
            {"efficientnet_lite0",
             {{"_blocks.14", "_blocks.15", "130", "90%"}, {"none", "none", "none", "_blocks.1", "20"}}},
            {"resnet18", {{"layer4.0", "66", "95%"}, {"layer2", "50%"}}}};
        Words depths = {"all", "all", "all", "80%", "90%"};
        if (backbones.size() > 1) return depths;
        const auto& [deep, others] = kDepths.at(backbones[0]);
        depths = {"all", "all", "all", "all", "all"};
        depths.insert(depths.end(), deep.begin(), deep.end());
        if (shallow) depths.insert(depths.end(), others.begin(), others.end());
        return depths;
    }

    std::string axes(const Words& backbones) {
        const bool random = chance(20), stopping = chance(20), shallow = chance(20);
        const std::size_t most = (shallow ? 4 : 6 + below(7)) / backbones.size();
        const Axes axes = {
            {"freeze", freeze_depths(backbones, shallow)},
            {"head",
             {"none", "\"8\"", "16-8", "12-8-4", "{pooling: max, dense: [8]}", "{pooling: max, dense: none}",
              "{pooling: flatten, dense: [8, 4]}"}},
            {"dropout", {"0", "0.2", "0.5"}},
            {"optimizer",
             {"adam", "{adam: {beta1: 0.8}}", "sgd", "{sgd: {momentum: 0.9}}", "{sgd: {momentum: 0.9, nesterov: true}}",
              "rmsprop", "{rmsprop: {rho: 0.8, momentum: 0.5}}"}},
            {"learning_rate", {"1e-4", "1e-3", "3e-3"}},
            {"batch_size", {"5", "8", "11", "16", "64"}},
            {"epochs", stopping ? Words{"3"} : Words{"1", "1", "2", "2", "3"}},
            {"seed", {"1", "2"}},
        };
        std::string text;
        const std::vector<std::size_t> counts = random ? std::vector<std::size_t>(axes.size(), 2) : grid(axes, most);
        for (std::size_t i = 0; i < axes.size(); ++i) {
            const auto& [name, values] = axes[i];
            if (random && name == "learning_rate")
                text += "learning_rate: {log_uniform: [1e-4, 3e-3]}\n";
            else if (random && name == "dropout")
                text += "dropout: {uniform: [0.0, 0.6]}\n";
            else
                text += name + ": [" + joined(some(values, std::min(counts[i], values.size()))) + "]\n";
        }
        text += search(random, stopping, most);
        if (!stopping && chance(25))
            text += "phases: " +
                    one({"{freeze: all, learning_rate: 3e-3, epochs: 1}", "{epochs: 2}",
                         "[[{freeze: all, epochs: 1}, {learning_rate: 3e-3, epochs: 1}]]"}) +
                    "\n";
        return text;
    }

    /// How many values each axis gets, so that there are at most so many trials.
    std::vector<std::size_t> grid(const Axes& axes, std::size_t most) {
        std::vector<std::size_t> counts(axes.size(), 1);
        std::size_t trials = 1;
        for (int attempt = 0; attempt < 20; ++attempt) {
            const std::size_t axis = below(axes.size());
            const std::size_t more = trials / counts[axis] * (counts[axis] + 1);
            // A word may stand in a list more than once, to be drawn more often.
            if (more > most || counts[axis] == std::min<std::size_t>(axes[axis].second.size(), 3)) continue;
            trials = more;
            ++counts[axis];
        }
        return counts;
    }

    std::string search(bool random, bool stopping, std::size_t trials) {
        Words parts;
        if (random)
            parts.push_back("random: {trials: " + std::to_string(std::max<std::size_t>(trials, 4)) +
                            ", seed: " + one({"1", "2", "3"}) + "}");
        if (stopping)
            parts.push_back(one({"asha: {reduction_factor: 2}", "asha: {reduction_factor: 3, first_rung: 1}",
                                 "median: {grace: 1, every: 1}"}));
        return parts.empty() ? "" : "search: {" + joined(parts) + "}\n";
    }

    /// A disk budget that holds little more than the images is only for plans that keep nothing else there.
    std::string budgets(DrawnSweep::Machine machine) {
        std::string text = "memory: " + one({"1 kB", "200 kB", "1 GB"}) + "\n";
        if (machine == DrawnSweep::Machine::infinite && chance(20)) text += "disk: 300 kB\n";
        return text;
    }

    static Speeds speeds(DrawnSweep::Machine machine, const Words& backbones, int image_size) {
        static const std::map<DrawnSweep::Machine, double> kImageSeconds = {
            {DrawnSweep::Machine::usual, 3e-4}, {DrawnSweep::Machine::fast, 1e-5}, {DrawnSweep::Machine::infinite, 0}};
        Speeds speeds;
        Probe probe;
        probe.kind = Probe::Kind::forward;
        probe.image_size = image_size;
        for (const std::string& backbone : backbones) {
            probe.backbone = backbone;
            for (const char* padding : {"symmetric", "tensorflow"}) {
                probe.padding = padding;
                for (probe.cut = 1; probe.cut < 200; ++probe.cut) speeds.put(probe, {kImageSeconds.at(machine), 0, 0});
            }
        }
        return speeds;
    }

    std::mt19937_64 random_;
};

}  // namespace thaw
