#include "results/query/best_trial.hpp"

#include "common/util/error.hpp"
#include "results/store/database.hpp"

namespace thaw {

std::optional<std::string> best_trial(const Database& database) {
    Statement best = database.prepare("SELECT best_trial FROM configurations LIMIT 1");
    if (!best.step()) return std::nullopt;
    return best.text(0);
}

std::string best_trial(const std::filesystem::path& path) {
    const std::optional<std::string> best = best_trial(open_results(path));
    if (!best) throw UserError("{}: no trial has finished yet", path.string());
    return *best;
}

TrialResult trial_result(const Database& database, const std::string& finished_trial) {
    Statement row = database.prepare(
        "SELECT epochs.weights, epochs.epoch, EXISTS (SELECT 1 FROM predictions WHERE trial = ?1 AND part = 'test')"
        " FROM trials JOIN epochs ON trial = id AND epoch = coalesce(result_epoch, last_epoch) WHERE id = ?1");
    THAW_CHECK(row.with(finished_trial).step(), "trial {} has no result", finished_trial);
    return {row.text(0), static_cast<int>(row.integer(1)), row.integer(2) != 0};
}

TestImages test_images(const std::filesystem::path& path) {
    const Database database = open_results(path);
    Statement rows = database.prepare(
        "SELECT data_folder, path FROM (SELECT * FROM sweeps ORDER BY id DESC LIMIT 1) JOIN images USING "
        "(data_fingerprint) WHERE part = 'test' ORDER BY place");
    TestImages test;
    while (rows.step()) {
        test.folder = rows.text(0);
        test.images.push_back(test.folder / rows.text(1));
    }
    if (test.images.empty())
        throw UserError(
            "{}: its data has no test images; put them into a folder `test` beside `train`, or name photos instead of "
            "--test",
            path.string());
    return test;
}

}  // namespace thaw
