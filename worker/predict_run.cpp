#include "worker/predict_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "common/trial/class_scores_table.hpp"
#include "common/util/error.hpp"
#include "common/util/log.hpp"
#include "common/util/text.hpp"
#include "worker/trained_classifier.hpp"
#include "worker/weights/registry.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

struct Prediction {
    fs::path photo;
    std::string bad;  // why it cannot be read; empty: it can
    std::vector<float> probabilities;
    std::size_t best() const {
        return static_cast<std::size_t>(std::max_element(probabilities.begin(), probabilities.end()) -
                                        probabilities.begin());
    }
};

class Predictions {
  public:
    /// `folder`: see PredictRun.
    Predictions(std::vector<std::string> classes, std::string trial, fs::path folder)
        : classes_(std::move(classes)), trial_(std::move(trial)), folder_(std::move(folder)) {}

    void add(Prediction prediction) { all_.push_back(std::move(prediction)); }
    /// Each photo's label is its folder's name, if every one of those is a class.
    void find_labels() {
        for (const Prediction& one : all_) {
            const auto found =
                std::find(classes_.begin(), classes_.end(), fs::absolute(one.photo).parent_path().filename().string());
            if (found == classes_.end()) return labels_.clear();
            labels_.push_back(static_cast<std::size_t>(found - classes_.begin()));
        }
    }
    bool labelled() const { return !labels_.empty(); }
    int readable() const {
        return static_cast<int>(
            std::count_if(all_.begin(), all_.end(), [](const auto& one) { return one.bad.empty(); }));
    }

    /// [label][predicted], of the readable ones.
    std::vector<std::vector<std::int64_t>> confusion() const {
        std::vector<std::vector<std::int64_t>> counts(classes_.size(), std::vector<std::int64_t>(classes_.size()));
        for (std::size_t i = 0; i < all_.size() && labelled(); ++i)
            if (all_[i].bad.empty()) ++counts[labels_[i]][all_[i].best()];
        return counts;
    }
    double accuracy() const {
        const auto counts = confusion();
        std::int64_t right = 0;
        for (std::size_t c = 0; c < counts.size(); ++c) right += counts[c][c];
        return static_cast<double>(right) / readable();
    }

    /// Precision, recall and F1 of each class.
    Table scores() const {
        std::vector<int> labels(labels_.begin(), labels_.end()), predicted;
        for (const Prediction& one : all_) predicted.push_back(one.bad.empty() ? static_cast<int>(one.best()) : -1);
        return class_scores_table(classes_, scores_by_class(labels, predicted, static_cast<int>(classes_.size())));
    }

    /// One row a photo: its label where it has one, the class, its probability, and with `each` every class's.
    Table table(bool each) const {
        Table table{{folder_.empty() ? "photo" : "file"}, {}};
        if (labelled()) table.columns.emplace_back("label");
        table.columns.insert(table.columns.end(), {"class", "probability"});
        for (const std::string& name : classes_)
            if (each) table.columns.push_back("p(" + name + ")");
        for (std::size_t i = 0; i < all_.size(); ++i) {
            const Prediction& one = all_[i];
            std::vector<Cell>& row = table.rows.emplace_back();
            row.emplace_back(name_of(one));
            if (labelled()) row.emplace_back(classes_[labels_[i]]);
            if (one.bad.empty()) {
                row.emplace_back(classes_[one.best()]);
                row.emplace_back(static_cast<double>(one.probabilities[one.best()]));
                for (std::size_t c = 0; c < classes_.size() && each; ++c)
                    row.emplace_back(static_cast<double>(one.probabilities[c]));
            }
            row.resize(table.columns.size());
        }
        return table;
    }

    std::string json() const {
        nlohmann::ordered_json photos = nlohmann::ordered_json::array();
        for (std::size_t i = 0; i < all_.size(); ++i) {
            const Prediction& one = all_[i];
            nlohmann::ordered_json& photo = photos.emplace_back();
            photo["photo"] = name_of(one);
            if (labelled()) photo["label"] = classes_[labels_[i]];
            if (!one.bad.empty()) {
                photo["error"] = one.bad;
                continue;
            }
            photo["class"] = classes_[one.best()];
            for (std::size_t c = 0; c < classes_.size(); ++c)
                photo["probabilities"][classes_[c]] = one.probabilities[c];
        }
        nlohmann::ordered_json all = {{"trial", trial_}, {"classes", classes_}, {"photos", photos}};
        if (labelled() && readable() > 0) {
            all["accuracy"] = accuracy();
            all["confusion"] = confusion();
            const Table by_class = scores();
            for (const auto& row : by_class.rows) {
                nlohmann::ordered_json& one = all["scores"].emplace_back();
                one["class"] = std::get<std::string>(row[0]);
                for (const std::size_t count : {1U, 2U})
                    one[by_class.columns[count]] = std::get<std::int64_t>(row[count]);
                for (const std::size_t share : {3U, 4U, 5U}) {
                    const auto* ratio = std::get_if<double>(&row[share]);  // none: undefined
                    one[by_class.columns[share]] = ratio ? nlohmann::ordered_json(*ratio) : nullptr;
                }
            }
        }
        return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
    }

    std::string text(int top) const {
        if (all_.size() == 1 && all_[0].bad.empty()) return single(all_[0], top) + judgement();
        return to_text(table(false)) + judgement();
    }

    /// How right they are, where that is known.
    std::string judgement() const {
        if (!labelled() || readable() == 0) return "";
        const auto counts = confusion();
        Table table{{"shown \\ taken for"}, {}};
        table.columns.insert(table.columns.end(), classes_.begin(), classes_.end());
        for (std::size_t label = 0; label < classes_.size(); ++label) {
            std::vector<Cell>& row = table.rows.emplace_back();
            row.emplace_back(classes_[label]);
            row.insert(row.end(), counts[label].begin(), counts[label].end());
        }
        return fmt::format("\naccuracy {:.4f} on {}\n\n{}\n{}", accuracy(), counted(readable(), "photo"),
                           to_text(table), to_text(scores()));
    }

  private:
    std::string name_of(const Prediction& one) const {
        return folder_.empty() ? one.photo.string() : one.photo.lexically_relative(folder_).string();
    }
    std::string single(const Prediction& one, int top) const {
        std::vector<std::size_t> order(classes_.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return one.probabilities[a] > one.probabilities[b]; });
        std::string text = clean_text(name_of(one)) + '\n';
        for (std::size_t i = 0; i < std::min(order.size(), static_cast<std::size_t>(top)); ++i)
            text +=
                fmt::format("  {:>6.2f} %  {}\n", 100 * one.probabilities[order[i]], clean_text(classes_[order[i]]));
        return text;
    }

    std::vector<std::string> classes_;
    std::string trial_;
    fs::path folder_;
    std::vector<Prediction> all_;
    std::vector<std::size_t> labels_;  // of all, or of none
};

}  // namespace

int predict_with_run(const PredictRun& options, const std::vector<fs::path>& photos) {
    TrainedClassifier classifier(read_checkpoint(options.checkpoint, weights_folders(options.weights_dir)),
                                 options.threads);
    Predictions predictions(classifier.checkpoint().classes, classifier.checkpoint().trial.id, options.folder);
    classifier.classify(photos, [&](std::size_t photo, std::span<const float> values, const std::string& bad) {
        if (!bad.empty()) log_warning(bad);
        predictions.add({photos[photo], bad, {values.begin(), values.end()}});
    });
    predictions.find_labels();
    if (options.format == TableFormat::text) {
        fmt::print("{}", predictions.text(options.top));
    } else if (options.format == TableFormat::json) {
        fmt::print("{}", predictions.json());
    } else {
        fmt::print("{}", to_string(predictions.table(true), options.format));
        fmt::print(stderr, "{}", predictions.judgement());
    }
    return static_cast<int>(photos.size()) - predictions.readable();
}

}  // namespace thaw
