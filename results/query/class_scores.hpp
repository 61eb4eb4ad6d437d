// Precision, recall and F1 by class of what a trial takes images for.
#pragma once

#include <string>
#include <vector>

#include "common/trial/classification_metrics.hpp"
#include "common/util/table.hpp"
#include "results/store/database.hpp"
#include "results/store/store.hpp"

namespace thaw {

/// One a class. Images without a label, or without a prediction, are left out.
std::vector<ClassScores> scores_of(std::size_t classes, const std::vector<ImageRecord>& images,
                                   const std::vector<int>& predicted);

/// Of one part, "validation" or "test", in the order in which predictions name them.
std::vector<ImageRecord> load_images(const Database& database, const std::string& data_fingerprint, const char* part);

/// `thaw query --classes`: of the validation images, and of the test images where this trial was asked for them. Throws
/// UserError where the trial has no predictions.
std::string classes_text(const Database& database, const std::string& trial, TableFormat format);

}  // namespace thaw
