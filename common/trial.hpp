// A trial: one point of a sweep, and the words (optimizer, head) that describe it. Plain data shared by every room.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "common/precision.hpp"

namespace thaw {

/// How the base's feature map becomes the head's input vector.
enum class Pooling { average, max, flatten };

enum class OptimizerKind { adam, sgd, rmsprop };

/// An optimizer without its learning rate, which is an axis of its own. The defaults are Keras'.
struct Optimizer {
    OptimizerKind kind = OptimizerKind::adam;
    double momentum = 0.0;  // sgd, rmsprop
    bool nesterov = false;  // sgd
    double beta1 = 0.9;     // adam
    double beta2 = 0.999;   // adam
    double rho = 0.9;       // rmsprop
    double epsilon = 1e-7;  // adam: added to sqrt(v); rmsprop: added to v, inside the root (as Keras does)
    bool operator==(const Optimizer&) const = default;
};

/// The classifier on top of the base: dense layers of these widths with ReLU and dropout after each, then one dense
/// layer of as many outputs as there are classes, softmax, cross-entropy.
struct Head {
    Pooling pooling = Pooling::average;
    std::vector<int> widths;  // hidden layers, may be empty
    bool operator==(const Head&) const = default;
};

struct Trial {
    std::string backbone;              // a name of common/backbones
    std::string weights = "imagenet";  // "imagenet", "random", or the path of a file
    std::string freeze = "all";        // as written: "all", "none", "50", "80%", a layer's or block's name
    Head head;
    std::vector<double> dropout;  // one rate per hidden layer of the head (so empty where that is)
    Optimizer optimizer;
    double learning_rate = 1e-3;
    int batch_size = 16;
    int epochs = 8;
    std::uint64_t seed = 1;
    int image_size = 224;                      // pixels, square
    Precision precision = Precision::float32;  // of the layers before the cut; float32 where there are none

    // Derived from backbone and freeze by resolve_freeze (common/backbones): how many layers of the base stay frozen,
    // and the deepest cut at or before that. Both count layers from the input, which is number 1; 0 is "none".
    int frozen_layers = 0;
    int cut = 0;

    /// Hash of all that decides the trial's result (the fields above, data, split, weights' content); 16 hex digits.
    std::string id;
};

const char* to_string(Pooling pooling);
const char* to_string(OptimizerKind kind);
Pooling parse_pooling(const std::string& name);  // throw UserError with the names there are
OptimizerKind parse_optimizer_kind(const std::string& name);
/// "256-128-64", or "none" for a head without hidden layers.
std::string head_name(const Head& head);
/// "0.5" where all layers have the same rate, "0.5-0.3-0.1" otherwise, "0" without hidden layers.
std::string dropout_name(const std::vector<double>& dropout);
/// "adam", or with what differs from the defaults: "sgd(momentum=0.9)".
std::string optimizer_name(const Optimizer& optimizer);

/// The trial as JSON with all its fields; trial_from_json(to_json(t)) equals t. Older JSON without a precision means
/// float32.
nlohmann::json to_json(const Trial& trial);
Trial trial_from_json(const nlohmann::json& json);

/// The text whose hash, together with `context` (the fingerprints of data, split, weights and preprocessing), is the
/// trial's id. Numbers are written so that they read back exactly.
std::string trial_id(const Trial& trial, const std::string& context);

}  // namespace thaw
