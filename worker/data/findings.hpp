// What people should know of a data set before they believe its accuracies, in sentences.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "worker/data/image_folder.hpp"

namespace thaw {

/// Validation images whose content is trained on too: place in Dataset::images -> path of a training image.
std::map<std::size_t, std::string> trained_copies(const Dataset& dataset);

/// Copies within a part and between parts, one image under two classes, groups in two parts, classes that nothing
/// validates, and what was left out: how many, and which. None where there is nothing to say.
std::vector<std::string> findings(const Dataset& dataset);

/// What is left out in this folder (empty: anywhere), in sentences.
std::string left_out_text(const Dataset& dataset, const std::string& within = "");

/// What is other than in an earlier edition of the data; empty: nothing.
std::string changes_text(const Dataset& before, const Dataset& now);

}  // namespace thaw
