// The checks before a sweep starts, of all that lies outside the sweep file: images, weights and the machine.
#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "common/trial/inputs.hpp"
#include "common/trial/precision.hpp"
#include "common/util/error.hpp"
#include "worker/weights/registry.hpp"

namespace thaw {

/// One network of the sweep and the weights it is to start from.
struct NetworkRequest {
    std::string backbone;
    std::string weights;  // Trial::weights
    int image_size = 224;
    std::string preprocessing, padding;  // overrides; empty: as the registry knows
    /// Gives what is wrong with the weights its place in the sweep file; may be empty.
    std::function<UserError(const std::string& message)> error = {};
};

struct PreflightRequest {
    std::filesystem::path data_folder;
    SplitOptions split;
    DecodeOptions decode;
    OnBadImage on_bad_image = OnBadImage::stop;
    std::vector<NetworkRequest> networks;
    std::set<Precision> precisions;  // that frozen layers are to have
    std::vector<std::filesystem::path> weights_folders;
    std::filesystem::path scratch;  // where the dataset's list is written
    std::filesystem::path cache;    // where it is remembered which files have which contents
    int threads = 1;
};

/// Asks whether the machine has the arithmetic, lists and fingerprints the images, finds the weights and reads each
/// file once to see that it fits its backbone. Throws UserError for the first thing that is wrong.
Inputs inspect_inputs(const PreflightRequest& request);

/// So that the next one's findings can say what has changed in the data since.
void remember_run(const std::filesystem::path& scratch, const Inputs& inputs);

}  // namespace thaw
