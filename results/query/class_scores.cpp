#include "results/query/class_scores.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/trial/class_scores_table.hpp"
#include "common/util/error.hpp"
#include "results/query/trial_name.hpp"
#include "results/store/predictions.hpp"

namespace thaw {
namespace {

constexpr const char* kParts[] = {"validation", "test"};

struct TrialData {
    std::string fingerprint;
    std::vector<std::string> classes;
};

TrialData data_of(const Database& database, const std::string& trial) {
    Statement row = database.prepare(
        "SELECT data_fingerprint, classes FROM sweeps JOIN trials ON trials.sweep = sweeps.id WHERE trials.id = ?1");
    row.with(trial);
    if (!row.step()) return {};
    const auto classes = nlohmann::json::parse(row.text(1), nullptr, false);
    return {row.text(0), classes.is_array() ? classes.get<std::vector<std::string>>() : std::vector<std::string>()};
}

/// Nothing where there are no predictions, or not as many as images.
std::optional<Table> table_of(const Database& database, const std::string& trial, const TrialData& data,
                              const char* part) {
    Statement row = database.prepare("SELECT classes FROM predictions WHERE trial = ?1 AND part = ?2");
    row.with(trial, std::string(part));
    if (!row.step()) return {};
    const std::vector<int> predicted = unpacked_classes(row.text(0));
    const std::vector<ImageRecord> images = load_images(database, data.fingerprint, part);
    if (images.size() != predicted.size()) return {};
    return class_scores_table(data.classes, scores_of(data.classes.size(), images, predicted));
}

}  // namespace

std::vector<ClassScores> scores_of(std::size_t classes, const std::vector<ImageRecord>& images,
                                   const std::vector<int>& predicted) {
    const auto is_class = [&](int label) { return label >= 0 && static_cast<std::size_t>(label) < classes; };
    std::vector<int> labels, taken_for;
    for (std::size_t i = 0; i < images.size(); ++i) {
        if (!is_class(images[i].label) || !is_class(predicted[i])) continue;
        labels.push_back(images[i].label);
        taken_for.push_back(predicted[i]);
    }
    return scores_by_class(labels, taken_for, static_cast<int>(classes));
}

std::vector<ImageRecord> load_images(const Database& database, const std::string& data_fingerprint, const char* part) {
    std::vector<ImageRecord> images;
    Statement rows =
        database.prepare("SELECT path, label FROM images WHERE data_fingerprint = ?1 AND part = ?2 ORDER BY place");
    rows.with(data_fingerprint, std::string(part));
    while (rows.step()) images.push_back({rows.text(0), static_cast<int>(rows.integer(1))});
    return images;
}

std::string classes_text(const Database& database, const std::string& trial, TableFormat format) {
    const std::string id = find_trial(database, trial);
    const TrialData data = data_of(database, id);
    Table all;
    std::string text;
    for (const char* part : kParts) {
        const std::optional<Table> table = table_of(database, id, data, part);
        if (!table) continue;
        text += fmt::format("\n{} images:\n\n{}", part, to_string(*table, format));
        all.columns = table->columns;
        all.columns.insert(all.columns.begin(), "part");
        for (std::vector<Cell> row : table->rows) {
            row.insert(row.begin(), std::string(part));
            all.rows.push_back(std::move(row));
        }
    }
    if (all.rows.empty())
        throw UserError(
            "there are no predictions of trial {}: it has not finished, or an older version of thaw has run it", id);
    if (!is_for_people(format)) return to_string(all, format);
    return fmt::format("{}: {}\n{}", id, describe_trial(database, id), text);
}

}  // namespace thaw
