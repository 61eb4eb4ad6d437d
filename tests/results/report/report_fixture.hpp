// A sweep that never ran, with all that a report shows: seeds, predictions, failures.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "results/store/store.hpp"
#include "tests/results/synthetic.hpp"

namespace thaw {

inline const std::vector<std::string> kShapes = {"circle", "square", "triangle"};

/// "circle/00.png", ...: the photos that draw_shapes() makes, `per_class` of each.
inline std::vector<ImageRecord> shape_images(int per_class) {
    std::vector<ImageRecord> images;
    for (int label = 0; label < 3; ++label)
        for (int i = 0; i < per_class; ++i)
            images.push_back({fmt::format("{}/{:02}.png", kShapes[static_cast<std::size_t>(label)], i), label});
    return images;
}

/// Predictions with `wrong` mistakes, each a square taken for a circle as long as there are squares.
inline std::vector<int> predictions_of(const std::vector<ImageRecord>& images, int wrong) {
    std::vector<int> predicted;
    for (const ImageRecord& image : images) predicted.push_back(image.label);
    for (const int label : {1, 2, 0})
        for (std::size_t i = 0; i < images.size() && wrong > 0; ++i)
            if (images[i].label == label) predicted[i] = label == 0 ? 1 : 0, --wrong;
    return predicted;
}

/// As finish(), with predictions that fit its accuracy after the last epoch.
inline void finish_with_predictions(Store& store, const Trial& trial, const std::vector<ImageRecord>& images) {
    store.start_trial(trial.id, 0);
    for (int number = 1; number <= 8; ++number) {
        EpochRecord epoch = synthetic_epoch(trial, number);
        if (number == 8) {
            const double count = static_cast<double>(images.size());
            const int wrong = static_cast<int>(std::lround((1 - epoch.validation_accuracy) * count));
            epoch.validation_accuracy = 1 - wrong / count;
            epoch.predicted = predictions_of(images, wrong);
        }
        store.record_epoch(trial.id, epoch);
    }
    store.finish_trial(trial.id);
}

/// Of data in `folder`, with three classes of so many photos to validate.
inline SweepRecord shape_sweep(const std::string& folder, int per_class) {
    SweepRecord sweep = synthetic_sweep();
    sweep.data_folder = folder;
    sweep.classes = kShapes;
    sweep.validation = shape_images(per_class);
    sweep.validation_images = 3 * per_class;
    return sweep;
}

}  // namespace thaw
