// What people write out of habit from Keras, PyTorch, Optuna, Weights & Biases or Hydra, in the words of sweep files.
#pragma once

#include <string>
#include <vector>

#include "coordinator/sweep/axes.hpp"

namespace thaw {

/// The document with keys and values that have one reading only in their own spelling; the nodes keep their places.
/// `notes` gets a line for each that was changed: "lr: read as learning_rate". What has two readings, or asks for what
/// thaw has under another form, is left for the readers to refuse.
YAML::Node in_own_words(const YAML::Node& document, const Vocabulary& vocabulary, std::vector<std::string>& notes);

/// For a key that sweep files do not have but other tools do: what to write. Empty: nothing is known of it.
std::string said_elsewhere(const std::string& key);

}  // namespace thaw
