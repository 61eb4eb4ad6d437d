// `thaw predict` and `thaw features`: their options, and how they print what they find.
#pragma once

#include <CLI/App.hpp>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace thaw {

/// The checkpoint of a run's trial; no trial means the best. Throws UserError.
using FindCheckpoint =
    std::function<std::filesystem::path(const std::string& run, const std::string& runs, const std::string& trial)>;

/// A run's test images, in the order of its results.
struct TestPhotos {
    std::filesystem::path folder;  // of the data
    std::vector<std::filesystem::path> photos;
};
/// Throws UserError, also where the run has none.
using FindTestPhotos = std::function<TestPhotos(const std::string& run, const std::string& runs)>;

/// `exit_code` is set where the command has run: 0, or 1 where a photo could not be read.
void add_predict_command(CLI::App& app, FindCheckpoint find_checkpoint, FindTestPhotos find_test_photos,
                         int& exit_code);
void add_features_command(CLI::App& app);

}  // namespace thaw
