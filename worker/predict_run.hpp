// `thaw predict RUN`: what a trained trial takes photos for, and how right it is where their folders say what they
// show.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/util/table.hpp"

namespace thaw {

struct PredictRun {
    std::filesystem::path checkpoint;
    std::string weights_dir;  // see weights_folders
    int threads = 1;
    int top = 5;  // classes of a single photo, as text
    TableFormat format = TableFormat::text;
    std::filesystem::path folder = {};  // not empty: photos are named as they lie in it, in a column `file`
};

/// Prints it. Photos of folders that all have class names as folder names are labelled by them: accuracy and confusion
/// matrix follow. Returns how many photos could not be read. Throws UserError.
int predict_with_run(const PredictRun& options, const std::vector<std::filesystem::path>& photos);

}  // namespace thaw
