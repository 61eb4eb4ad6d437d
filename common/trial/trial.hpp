// A trial: one point of a sweep, and the words (optimizer, head) that describe it. Plain data shared by every room.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "common/trial/augment.hpp"
#include "common/trial/optimizer.hpp"
#include "common/trial/precision.hpp"
#include "common/trial/training_control.hpp"
#include "common/util/names.hpp"

namespace thaw {

/// How the base's feature map becomes the head's input vector.
enum class Pooling { average, max, flatten };

enum class HeadActivation { relu, leaky_relu, elu, selu, gelu, silu, tanh, sigmoid, linear };

/// How a head's weights begin, as Keras draws them; biases begin at 0.
enum class Initializer { glorot_uniform, he_normal, random_uniform };

/// categorical: as many outputs as classes, softmax. binary: of two classes, one output, the probability of the second
/// in the classes' order, sigmoid.
enum class Loss { categorical_crossentropy, binary_crossentropy };

/// What batch-norm layers behind the frozen ones do while they are trained: normalize by the batch's statistics and
/// update the running ones, or by the running ones, which stay (Keras: a base called with training=False); scale and
/// offset are trained either way.
enum class BatchNormMode { train, inference };

/// The classifier on top of the base: dense layers of these widths with an activation and dropout after each, then one
/// dense layer whose outputs the loss decides.
struct Head {
    Pooling pooling = Pooling::average;
    std::vector<int> widths = {};                           // hidden layers, may be empty
    std::vector<HeadActivation> activations = {};           // one a hidden layer; empty: all ReLU
    Initializer initializer = Initializer::glorot_uniform;  // of all layers, the last one too
    HeadActivation activation(std::size_t layer) const {
        return activations.empty() ? HeadActivation::relu : activations[layer];
    }
    bool operator==(const Head&) const = default;
};

/// How much each class' images count in the training loss, as Keras' class_weight: losses are multiplied, and the
/// batch's sum divided by the number of its images. Classes that are not named count 1.
struct ClassWeights {
    bool balanced = false;  // images / (classes * images of the class), of the training images, as scikit-learn has it
    std::map<std::string, double> by_class = {};
    bool none() const { return !balanced && by_class.empty(); }
    bool operator==(const ClassWeights&) const = default;
};

/// Which weights of a trained trial are kept as a file; best: of the epoch with the best validation accuracy.
enum class Keep { none, last, best };

/// A stretch of training before the trial's own, with another depth and rate; same head, optimizer and data.
struct Phase {
    std::string freeze = "all";
    double learning_rate = 1e-3;
    int epochs = 1;
    int frozen_layers = 0, cut = 0;  // derived, as Trial's
    bool operator==(const Phase&) const = default;
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

    std::string until;  // the layer or block after which the base is cut off, as written; empty: all of it
    Loss loss = Loss::categorical_crossentropy;
    double label_smoothing = 0;  // Keras': the target's share that is spread over all classes
    ClassWeights class_weights;
    Schedule schedule;
    EarlyStop early_stop;
    Augment augment;
    int folds = 0, fold = 0;    // cross-validation: the fold-th (from 1) of so many parts validates; 0: the split does
    std::vector<Phase> phases;  // before this trial's own freeze, learning_rate and epochs, in this order
    BatchNormMode batch_norm = BatchNormMode::train;  // train where no batch-norm layer is trained

    // Derived from backbone and until: how many layers the base has; 0: all of them.
    int base_layers = 0;
    // Derived from backbone and freeze by resolve_freeze (common/backbones): how many layers of the base stay frozen,
    // and the deepest cut at or before that. Both count layers from the input, which is number 1; 0 is "none".
    int frozen_layers = 0;
    int cut = 0;

    /// Hash of all that decides the trial's result (the fields above, data, split, weights' content); 16 hex digits.
    std::string id;
};

const NameTable<Pooling>& names_of(Pooling);
const NameTable<HeadActivation>& names_of(HeadActivation);
const NameTable<Initializer>& names_of(Initializer);
const NameTable<Loss>& names_of(Loss);
const NameTable<BatchNormMode>& names_of(BatchNormMode);
const NameTable<Keep>& names_of(Keep);
const char* to_string(Pooling pooling);
Pooling parse_pooling(const std::string& name);  // throws UserError with the names there are
/// "256-128-64", or "none" for a head without hidden layers; with what differs from the defaults:
/// "1024-512 tanh he_normal", "1024-512 relu-elu".
std::string head_name(const Head& head);
/// "0.5" where all layers have the same rate, "0.5-0.3-0.1" otherwise, "0" without hidden layers.
std::string dropout_name(const std::vector<double>& dropout);

/// "none", "balanced" or "cat=2 dog=0.5".
std::string class_weights_name(const ClassWeights& weights);
/// "none", or "2/5" for the second of five.
std::string fold_name(const Trial& trial);
/// "none", or "all 0.001 x3, layer4 0.0001 x2": freeze, learning rate and epochs of each phase before the trial's own.
std::string phases_name(const std::vector<Phase>& phases);

/// The trial as JSON with all its fields; trial_from_json(to_json(t)) equals t. What older JSON
/// lacks has its default.
nlohmann::json to_json(const Trial& trial);
Trial trial_from_json(const nlohmann::json& json);

/// The text whose hash, together with `context` (the fingerprints of data, split, weights and preprocessing), is the
/// trial's id. Numbers are written so that they read back exactly.
std::string trial_id(const Trial& trial, const std::string& context);

/// What a trial says with words that the first versions of thaw did not have, as far as it differs from struct Trial's
/// defaults and decides the trial's result; empty where nothing does. Equal for two trials exactly where all of that
/// is. Part of ids: trials from before those words keep theirs.
std::string later_settings(const Trial& trial);

}  // namespace thaw
