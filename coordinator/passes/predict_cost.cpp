#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/error.hpp"
#include "coordinator/passes.hpp"

namespace thaw {
namespace {

/// Speeds of one core, fitted to the stages of tests/bench/head_sweep and sweeps/quickstart.yaml on a 2-core server;
/// `thaw query RUN stages` shows how well they hold elsewhere.
struct Speeds {
    double decode_byte = 1.1e-7;           // s, of the compressed file
    double decode_image = 1.5e-4;          // s
    double forward_flops = 47e9;           // frozen forward, FLOP/s
    double forward_image_overhead = 2e-4;  // s
    double tail_flops = 20e9;              // autograd forward and backward, FLOP/s
    double tail_step_overhead = 4e-3;      // s an optimizer step
    double head_flops = 45e9;              // FLOP/s
    double head_parameter = 0.8e-9;        // s a parameter and optimizer step: three arrays of memory traffic
    double head_step_overhead = 2e-5;      // s
};

/// Bytes of the activations of one image that are alive at once, at the widest place before `end`.
std::int64_t widest_activation(const LayerGraph& graph, int end) {
    std::int64_t widest = 0;
    for (int i = 0; i < end; ++i)
        widest = std::max(widest, graph.layers[static_cast<std::size_t>(i)].output.elements());
    return 3 * 4 * widest;
}

double flops_between(const LayerGraph& graph, int begin, int end) {
    double flops = 0;
    for (int i = begin; i < end; ++i) flops += static_cast<double>(graph.layers[static_cast<std::size_t>(i)].flops);
    return flops;
}

std::int64_t tap_bytes(const LayerGraph& graph, const TapKey& tap) {
    const Shape& shape = graph.layers[static_cast<std::size_t>(tap.cut - 1)].output;
    return 4 * (tap.pooled && tap.pooling != Pooling::flatten ? shape.channels : shape.elements());
}

class CostModel {
  public:
    CostModel(const Plan& plan, PassContext& context) : plan_(plan), inputs_(context.inputs), graphs_(context.graphs) {}

    /// Its seconds are those of one core.
    Cost of(const PlannedStage& stage) {
        switch (stage.kind) {
            case StageKind::decode:
                return decode(stage);
            case StageKind::features:
                return features(stage);
            case StageKind::train:
                return train(stage);
        }
        THAW_CHECK(false, "stage kind {}", static_cast<int>(stage.kind));
    }

  private:
    const LayerGraph& graph_of(const Trial& trial) {
        return graphs_.get(trial.backbone, trial.image_size, inputs_.weights_of(trial).padding);
    }

    Cost decode(const PlannedStage& stage) const {
        const double size = plan_.first_trial(stage).image_size;
        const auto bytes = static_cast<std::int64_t>(3 * size * size * inputs_.images());
        return {
            inputs_.images() * speeds_.decode_image + static_cast<double>(inputs_.image_bytes) * speeds_.decode_byte,
            bytes, bytes};
    }

    Cost features(const PlannedStage& stage) {
        const LayerGraph& graph = graph_of(plan_.first_trial(stage));
        const int deepest = stage.taps.back().cut;
        const double per_image =
            flops_between(graph, 0, deepest) / speeds_.forward_flops + speeds_.forward_image_overhead;
        Cost cost{inputs_.images() * per_image, 0, 64 * widest_activation(graph, deepest)};
        for (const TapKey& tap : stage.taps) cost.bytes += inputs_.images() * tap_bytes(graph, tap);
        return cost;
    }

    Cost train(const PlannedStage& stage) {
        const Trial& trial = plan_.first_trial(stage);
        const LayerGraph& graph = graph_of(trial);
        int epochs = 0;
        for (const int index : stage.trials)
            epochs = std::max(epochs, plan_.trials[static_cast<std::size_t>(index)].epochs);
        const double steps = epochs * std::ceil(static_cast<double>(inputs_.train_images) / trial.batch_size);
        const double trained = static_cast<double>(epochs) * inputs_.train_images;
        const double evaluated = static_cast<double>(epochs) * inputs_.validation_images;
        const double parameters = head_parameters(trial, graph);
        Cost cost;
        // Forward is 2 FLOP a parameter, backward twice that.
        cost.seconds = 2 * parameters * (3 * trained + evaluated) / speeds_.head_flops +
                       steps * (parameters * speeds_.head_parameter + speeds_.head_step_overhead);
        cost.memory = static_cast<std::int64_t>(16 * parameters);
        if (trial.cut == graph.top_begin) return cost;
        const double recomputed = flops_between(graph, trial.cut, trial.frozen_layers);
        const double tail = flops_between(graph, trial.frozen_layers, graph.top_begin);
        cost.seconds += ((3 * tail + recomputed) * trained + (tail + recomputed) * evaluated) / speeds_.tail_flops +
                        steps * speeds_.tail_step_overhead;
        cost.memory += 4 * trial.batch_size * widest_activation(graph, graph.top_begin);
        return cost;
    }

    double head_parameters(const Trial& trial, const LayerGraph& graph) const {
        const Shape& base = graph.base_output();
        auto inputs = static_cast<double>(trial.head.pooling == Pooling::flatten ? base.elements() : base.channels);
        double parameters = 0;
        for (const int width : trial.head.widths) {
            parameters += (inputs + 1) * width;
            inputs = width;
        }
        return parameters + (inputs + 1) * static_cast<double>(inputs_.classes.size());
    }

    const Plan& plan_;
    const Inputs& inputs_;
    GraphCache& graphs_;
    Speeds speeds_;
};

}  // namespace

std::string predict_cost(Plan& plan, PassContext& context) {
    CostModel model(plan, context);
    Cost total;
    for (PlannedStage& stage : plan.stages) {
        stage.predicted = model.of(stage);
        total.seconds += stage.predicted.seconds;
        if (stage.whole_rank()) stage.predicted.seconds /= context.inputs.threads_per_rank;
        total.bytes += stage.predicted.bytes;
        total.memory = std::max(total.memory, stage.predicted.memory);
    }
    return fmt::format(
        "{:.0f} core-seconds: {:.0f} s on a rank of {}; {:.1f} MB of cache, {:.0f} MB at the peak of a stage",
        total.seconds, total.seconds / context.inputs.threads_per_rank, context.inputs.threads_per_rank,
        static_cast<double>(total.bytes) / 1e6, static_cast<double>(total.memory) / 1e6);
}

}  // namespace thaw
