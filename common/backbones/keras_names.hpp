// What Keras calls layers that its builders give no name: "conv2d", "conv2d_1", ...
#pragma once

#include <map>
#include <string>

#include "common/backbones/graph_builder.hpp"

namespace thaw {

class KerasNames {
  public:
    /// The next name of a kind, counted from the model's first layer of it on.
    std::string operator()(const std::string& kind) {
        const int number = used_[kind]++;
        return number == 0 ? kind : kind + "_" + std::to_string(number);
    }

  private:
    std::map<std::string, int> used_;
};

/// What Keras layers have unless told otherwise.
constexpr BatchNorm kKerasNorm{.epsilon = 1e-3, .momentum = 0.01};

}  // namespace thaw
