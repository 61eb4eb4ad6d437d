// The trial that a sweep's results recommend, and what those who go on with it ask of the results.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "results/store/database.hpp"

namespace thaw {

/// Its id: of the configuration that is best on the average of its seeds, the best trial; nothing where no trial has
/// finished.
std::optional<std::string> best_trial(const Database& database);
/// The same; throws UserError where no trial has finished.
std::string best_trial(const std::filesystem::path& database);

/// What a finished trial's result is of.
struct TrialResult {
    std::string weights;  // as a fingerprint, as training left them; empty: not known
    int epoch = 0;        // that they are of
    bool tested = false;  // its predictions of the test images are there
};
TrialResult trial_result(const Database& database, const std::string& finished_trial);

/// The test images of the latest invocation's data, in the order of its predictions.
struct TestImages {
    std::filesystem::path folder;  // of the data
    std::vector<std::filesystem::path> images;
};
/// Throws UserError where there are none.
TestImages test_images(const std::filesystem::path& database);

}  // namespace thaw
