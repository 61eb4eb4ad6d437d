// What all trials of a sweep have in common, as found by the checks before the start.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/trial/data_options.hpp"
#include "common/trial/stage.hpp"
#include "common/trial/trial.hpp"
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
    std::vector<std::string> findings;  // in the data, for people: copies, gaps, changes since the last run
    int train_images = 0, validation_images = 0, test_images = 0;
    std::int64_t image_bytes = 0;  // of all image files
    DecodeOptions decode;          // its image_size is each trial's own
    OnBadImage on_bad_image = OnBadImage::stop;
    std::map<std::pair<std::string, std::string>, WeightsSpec> weights;  // by (backbone, Trial::weights)
    std::string frozen_back_end;  // which code computes features, and so how it rounds

    int images() const { return train_images + validation_images + test_images; }
    /// Asked several times for each of up to a million trials, of a few entries.
    const WeightsSpec& weights_of(const Trial& trial) const {
        for (const auto& [name, spec] : weights)
            if (name.first == trial.backbone && name.second == trial.weights) return spec;
        THAW_CHECK(false, "no weights '{}' of {}", trial.weights, trial.backbone);
    }
};

}  // namespace thaw
