// What all trials of a sweep have in common, as found by the checks before the start.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/trial/data_options.hpp"
#include "common/trial/speeds.hpp"
#include "common/trial/stage.hpp"
#include "common/trial/trial.hpp"
#include "common/util/cache_folder.hpp"
#include "common/util/error.hpp"

namespace thaw {

struct Inputs {
    std::string data_folder;
    std::string dataset;              // path of the dataset's JSON
    std::string dataset_fingerprint;  // of contents, labels and parts
    std::string images_key;           // of contents in their order: part of the names of what is cached
    std::string trained_key;          // the same of those that are trained on, without folds
    std::string folded_key;           // and in one fold or another: all but the test images
    std::string decoder;              // which code decodes, and so which pixels come of it
    std::vector<std::string> classes;
    int train_images = 0, validation_images = 0, test_images = 0;
    std::int64_t image_bytes = 0;  // of all image files
    int threads_per_rank = 1, ranks = 1;
    std::int64_t memory_budget = std::int64_t{1} << 30;  // bytes of features kept in RAM, on each host
    std::string memory_folder;                           // on a file system in RAM, this run's own
    Speeds speeds;                                       // of this machine, as far as they have been measured
    DecodeOptions decode;                                // its image_size is each trial's own
    OnBadImage on_bad_image = OnBadImage::stop;
    std::map<std::pair<std::string, std::string>, WeightsSpec> weights;  // by (backbone, Trial::weights)
    std::int64_t cache_budget = 0;                   // bytes that the cache may hold; 0: no limit is known
    std::set<std::string> cached_arrays;             // names of files in the cache
    std::map<std::string, std::set<int>> snapshots;  // there too: epochs by trajectory_key
    Keep keep = Keep::none;                          // what is kept of every trial,
    std::string checkpoints;                         // and the folder where
    std::string phases;                              // folder of weights that later phases go on from
    std::string frozen_back_end;                     // which code computes features, and so how it rounds

    int images() const { return train_images + validation_images + test_images; }
    bool is_cached(const ArrayName& array) const { return cached_arrays.contains(array.file()); }
    /// Asked several times for each of up to a million trials, of a few entries.
    const WeightsSpec& weights_of(const Trial& trial) const {
        for (const auto& [name, spec] : weights)
            if (name.first == trial.backbone && name.second == trial.weights) return spec;
        THAW_CHECK(false, "no weights '{}' of {}", trial.weights, trial.backbone);
    }
};

}  // namespace thaw
