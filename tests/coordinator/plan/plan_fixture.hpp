// Trials and inputs made up for tests of the plan and of what carries it out.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/backbones/layer_graph.hpp"
#include "coordinator/plan/plan.hpp"

namespace thaw {

/// 100 images of 3 classes, and weights under several names; "copy" has the content of "imagenet".
inline PlanInputs made_up_inputs() {
    PlanInputs inputs;
    inputs.dataset = "/cache/dataset.json";
    inputs.images_key = "data1";
    inputs.classes = {"a", "b", "c"};
    inputs.train_images = 80;
    inputs.validation_images = 20;
    inputs.frozen_back_end = "test";
    for (const char* backbone : {"alexnet", "mobilenet_v2"}) {
        const std::string sha = std::string("sha of ") + backbone;
        inputs.weights[{backbone, "imagenet"}] = {"/w/imagenet", sha, "torch", "symmetric"};
        inputs.weights[{backbone, "copy"}] = {"/w/copy", sha, "torch", "symmetric"};
        inputs.weights[{backbone, "other"}] = {"/w/other", sha + " 2", "torch", "symmetric"};
        inputs.weights[{backbone, "as_tf"}] = {"/w/imagenet", sha, "tf", "symmetric"};
        inputs.weights[{backbone, "random"}] = {};
    }
    return inputs;
}

/// A trial as expand() leaves it, with an id.
inline Trial made_up_trial(GraphCache& graphs, const std::string& freeze = "all", int epochs = 2) {
    Trial trial;
    trial.backbone = "mobilenet_v2";
    trial.weights = "imagenet";
    trial.freeze = freeze;
    trial.image_size = 64;
    trial.epochs = epochs;
    const FreezeDepth depth = resolve_freeze(graphs.get(trial.backbone, 64, "symmetric"), freeze);
    trial.frozen_layers = depth.frozen_layers;
    trial.cut = depth.cut;
    trial.id = trial_id(trial, "context");
    return trial;
}

/// The trial with something changed, its freeze depth and id with it.
template <typename Change>
Trial but(Trial trial, GraphCache& graphs, const Change& change) {
    change(trial);
    const int size = trial.image_size;
    trial.base_layers = resolve_until(graphs.get(trial.backbone, size, "symmetric"), trial.until);
    const FreezeDepth depth =
        resolve_freeze(graphs.get(trial.backbone, size, "symmetric", trial.base_layers), trial.freeze);
    trial.frozen_layers = depth.frozen_layers;
    trial.cut = depth.cut;
    trial.id = trial_id(trial, "context");
    return trial;
}

}  // namespace thaw
