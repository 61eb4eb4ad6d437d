#include "coordinator/plan/cost_model.hpp"

#include <algorithm>
#include <cmath>

namespace thaw {
namespace {

/// A usual server core, for what has not been measured.
struct UsualCore {
    double decode_byte = 1.1e-7;           // s, of the compressed file
    double decode_image = 1.5e-4;          // s
    double augment_pixel = 1.5e-8;         // s, moved and interpolated
    double forward_flops = 47e9;           // frozen forward, FLOP/s
    double forward_bf16_speedup = 2;       // where there is such arithmetic
    double forward_image_overhead = 2e-4;  // s
    double forward_setup = 0.3;            // s: reading weights, packing them
    double tail_flops = 20e9;              // autograd forward and backward, FLOP/s
    double tail_step_overhead = 4e-3;      // s an optimizer step
    double tail_setup = 0.1;               // s
    double head_flops = 60e9;              // FLOP/s
    double head_parameter = 0.5e-9;        // s a parameter and optimizer step: three arrays of memory traffic
    double head_step_overhead = 2e-5;      // s
    double head_setup = 1e-3;              // s
    double disk_byte = 2e-9;               // s, written and synced
    double disk_byte_read = 3e-10;         // s
};
constexpr UsualCore kUsual;

double flops_between(const LayerGraph& graph, int begin, int end) {
    double flops = 0;
    for (int i = begin; i < end; ++i) flops += static_cast<double>(graph.layers[static_cast<std::size_t>(i)].flops);
    return flops;
}

std::int64_t widest_activation(const LayerGraph& graph, int begin, int end) {
    std::int64_t widest = 0;
    for (int i = begin; i < end; ++i)
        widest = std::max(widest, graph.layers[static_cast<std::size_t>(i)].output.elements());
    return widest;
}

std::uint64_t mixed(std::uint64_t hash, std::uint64_t value) {
    hash = (hash ^ value) * 0x9E3779B97F4A7C15U;
    return hash ^ (hash >> 29);
}

int head_inputs(const Trial& trial, const LayerGraph& graph) {
    const Shape& base = graph.base_output();
    return static_cast<int>(trial.head.pooling == Pooling::flatten ? base.elements() : base.channels);
}

}  // namespace

Measured CostModel::known_or(const Probe& probe, const Measured& estimate) {
    const auto [entry, is_new] = known_.try_emplace(probe.key(), estimate);
    if (!is_new) return entry->second;
    if (const auto measured = inputs_.speeds.find(probe))
        entry->second = *measured;
    else
        missing_.push_back(probe);
    return entry->second;
}

Measured CostModel::decode(const Trial& trial) {
    const double bytes = static_cast<double>(inputs_.image_bytes) / std::max(inputs_.images(), 1);
    Probe probe;
    probe.kind = Probe::Kind::decode;
    probe.image_size = trial.image_size;
    probe.content = inputs_.images_key + to_string(inputs_.decode.resize) + to_string(inputs_.decode.interpolation) +
                    (inputs_.decode.grey ? "grey" : "");
    return known_or(probe, {kUsual.decode_image + bytes * kUsual.decode_byte, 0, 0});
}

double CostModel::augment(const Trial& trial) {
    return kUsual.augment_pixel * trial.image_size * trial.image_size;
}

Measured CostModel::forward(const Trial& trial, int cut) {
    const LayerGraph& graph = graphs_.of(trial, inputs_);
    Probe probe;
    probe.kind = Probe::Kind::forward;
    probe.backbone = trial.backbone;
    probe.padding = inputs_.weights_of(trial).padding;
    probe.image_size = trial.image_size;
    probe.cut = cut;
    probe.precision = trial.precision;
    const double speedup = trial.precision == Precision::float32 ? 1 : kUsual.forward_bf16_speedup;
    return known_or(probe,
                    {flops_between(graph, 0, cut) / (speedup * kUsual.forward_flops) + kUsual.forward_image_overhead, 0,
                     kUsual.forward_setup});
}

double CostModel::head_parameters(const Trial& trial) {
    double inputs = head_inputs(trial, graphs_.of(trial, inputs_)), parameters = 0;
    for (const int width : trial.head.widths) {
        parameters += (inputs + 1) * width;
        inputs = width;
    }
    return parameters + (inputs + 1) * static_cast<double>(inputs_.classes.size());
}

Measured CostModel::head(const Trial& trial) {
    const LayerGraph& graph = graphs_.of(trial, inputs_);
    std::uint64_t hash = mixed(static_cast<std::uint64_t>(head_inputs(trial, graph)), inputs_.classes.size());
    hash = mixed(mixed(hash, static_cast<std::uint64_t>(trial.batch_size)),
                 static_cast<std::uint64_t>(trial.optimizer.kind));
    for (const int width : trial.head.widths) hash = mixed(hash, static_cast<std::uint64_t>(width) + 1);
    const auto [entry, is_new] = heads_.try_emplace(hash);
    if (!is_new) return entry->second;
    const double parameters = head_parameters(trial);
    Probe probe;
    probe.kind = Probe::Kind::head;
    probe.head = trial.head;
    probe.inputs = head_inputs(trial, graph);
    probe.classes = static_cast<int>(inputs_.classes.size());
    probe.batch_size = trial.batch_size;
    probe.optimizer = trial.optimizer.kind;
    // Forward is 2 FLOP a parameter, backward twice that.
    return entry->second = known_or(probe, {6 * parameters * trial.batch_size / kUsual.head_flops +
                                                parameters * kUsual.head_parameter + kUsual.head_step_overhead,
                                            2 * parameters / kUsual.head_flops, kUsual.head_setup + 1e-8 * parameters});
}

Measured CostModel::tail(const Trial& trial) {
    const LayerGraph& graph = graphs_.of(trial, inputs_);
    const double kept = flops_between(graph, trial.cut, trial.frozen_layers);
    const double trained = flops_between(graph, trial.frozen_layers, graph.top_begin);
    Probe probe;
    probe.kind = Probe::Kind::tail;
    probe.backbone = trial.backbone;
    probe.padding = inputs_.weights_of(trial).padding;
    probe.image_size = trial.image_size;
    probe.cut = trial.cut;
    probe.frozen_layers = trial.frozen_layers;
    probe.base_layers = trial.base_layers;
    probe.head.pooling = trial.head.pooling;
    probe.batch_size = trial.batch_size;
    probe.optimizer = trial.optimizer.kind;
    probe.classes = static_cast<int>(inputs_.classes.size());
    return known_or(probe, {(3 * trained + kept) * trial.batch_size / kUsual.tail_flops + kUsual.tail_step_overhead,
                            (trained + kept) / kUsual.tail_flops, kUsual.tail_setup});
}

Measured CostModel::training(const Trial& trial) {
    Measured sum = head(trial);
    if (trial.cut == graphs_.of(trial, inputs_).top_begin) return sum;
    const Measured behind_cut = tail(trial);
    sum.seconds += behind_cut.seconds;
    sum.evaluation += behind_cut.evaluation;
    sum.setup += behind_cut.setup;
    return sum;
}

Measured CostModel::disk() {
    return known_or({}, {kUsual.disk_byte, kUsual.disk_byte_read, 0});
}

double CostModel::recomputed_images(const Trial& trial, int epochs) {
    const std::int64_t row = tap_bytes(trial, tap_of(trial, graphs_.of(trial, inputs_)));
    const auto kept = static_cast<double>(std::min<std::int64_t>(inputs_.validation_images, kWindowBytes / row));
    return kept + epochs * (inputs_.train_images + inputs_.validation_images - kept);
}

double CostModel::epochs_seconds(const Trial& trial, int epochs) {
    const Measured measured = training(trial);
    // The last batch of an epoch is smaller: its step costs its part.
    const double steps = static_cast<double>(inputs_.train_images) / trial.batch_size;
    return epochs * (steps * measured.seconds + inputs_.validation_images * measured.evaluation);
}

double CostModel::trajectory_seconds(const Plan& plan, const PlannedTrajectory& trajectory) {
    const Trial& trial = plan.first_trial(trajectory);
    return training(trial).setup + epochs_seconds(trial, trajectory.to_epoch - trajectory.from_epoch);
}

double CostModel::parameters(const Trial& trial) {
    const LayerGraph& graph = graphs_.of(trial, inputs_);
    double count = head_parameters(trial);
    for (int i = trial.frozen_layers; i < graph.top_begin; ++i)
        count += static_cast<double>(graph.layers[static_cast<std::size_t>(i)].parameters);
    return count;
}

double CostModel::snapshot_bytes(const Trial& trial) {
    // Adam's: the others keep less. With a best epoch to restore, that one's too.
    return (trial.early_stop.restore_best ? 24 : 12) * parameters(trial);
}

double CostModel::weights_bytes(const Trial& trial) {
    return 4 * parameters(trial);
}

std::int64_t CostModel::tap_bytes(const Trial& trial, const Tap& tap) {
    const Shape& shape = graphs_.of(trial, inputs_).layers[static_cast<std::size_t>(tap.cut - 1)].output;
    return 4 * (tap.pooled && tap.pooling != Pooling::flatten ? shape.channels : shape.elements());
}

std::int64_t CostModel::forward_memory(const Trial& trial, int cut) {
    return 3 * 4 * widest_activation(graphs_.of(trial, inputs_), 0, cut);  // input, output and what is added
}

std::int64_t CostModel::training_memory(const Trial& trial) {
    const LayerGraph& graph = graphs_.of(trial, inputs_);
    auto bytes = static_cast<std::int64_t>(16 * parameters(trial));
    if (trial.cut == graph.top_begin) return bytes;
    std::int64_t kept = 0;  // for the backward pass: every trained layer's output
    for (int i = std::max(trial.frozen_layers, 1); i < graph.top_begin; ++i)
        kept += graph.layers[static_cast<std::size_t>(i)].output.elements();
    kept += 3 * widest_activation(graph, trial.cut, trial.frozen_layers);
    return bytes + 8 * trial.batch_size * kept;
}

}  // namespace thaw
