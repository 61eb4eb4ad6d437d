// The weight files thaw knows: for which backbone, which preprocessing and padding they were trained with, whence.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/backbones/published_weights.hpp"
#include "common/trial/trial.hpp"
#include "common/util/table.hpp"

namespace thaw {

/// What turns a decoded pixel (0..255) into the network's input: (pixel - mean[c]) / deviation[c], channels RGB or BGR.
struct Preprocessing {
    std::string name;  // "torch", "tf", "caffe", "lite", "raw", "rescale"
    double mean[3] = {0, 0, 0};
    double deviation[3] = {1, 1, 1};
    bool bgr = false;
};

/// By name; throws UserError with the names there are.
const Preprocessing& find_preprocessing(const std::string& name);
std::vector<std::string> preprocessing_names();

struct WeightsEntry : PublishedWeights {
    std::string name;      // "mobilenet_v2-imagenet-tf"
    std::string backbone;  // "mobilenet_v2"

    /// Where `thaw weights pull` fetches it; empty where it has no address.
    std::string address() const;
};

/// Those of common/backbones.
const std::vector<WeightsEntry>& weights_registry();

/// Throws UserError where the file is not the entry's, as far as its hash is published.
void check_content(const WeightsEntry& entry, const std::filesystem::path& path);

/// Weights as a stage uses them.
struct ResolvedWeights {
    std::filesystem::path path;  // empty: random
    std::string sha256;          // empty: random
    Preprocessing preprocessing;
    PaddingStyle padding = PaddingStyle::symmetric;
    bool random() const { return path.empty(); }
};

/// The folders weights are looked for in, in order: `weights_dir` if not empty, $THAW_WEIGHTS,
/// $XDG_CACHE_HOME/thaw/weights (or ~/.cache/thaw/weights).
std::vector<std::filesystem::path> weights_folders(const std::filesystem::path& weights_dir);

/// What is known, for which backbone, and where each file was found (no path: nowhere) or how to get it.
Table weights_table(const std::vector<std::filesystem::path>& folders);

/// What `weights:` in a sweep says about one backbone.
struct WeightsRequest {
    std::string name = "imagenet";   // "imagenet", "random", a registry entry's name, or a path
    std::string preprocessing = {};  // overrides; needed for a path whose sha256 the registry does not know
    std::string padding = {};        // "symmetric" or "tensorflow"; likewise
};

/// Finds the file ("imagenet": the first registry entry of that backbone whose file is there) and checks its sha256
/// where the registry knows it (a path is matched by content). Throws UserError: absent (lists the folders looked in
/// and how to get it), wrong content, unknown preprocessing.
ResolvedWeights resolve_weights(const std::string& backbone, const WeightsRequest& request,
                                const std::vector<std::filesystem::path>& folders);

}  // namespace thaw
