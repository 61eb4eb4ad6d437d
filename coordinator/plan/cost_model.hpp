// What work costs on this machine: from measured speeds where there are any, else from a usual server core's.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "coordinator/plan/plan.hpp"

namespace thaw {

/// Of all decoded images and their views, at the trial's size.
inline std::int64_t decoded_bytes(const Trial& trial, const Inputs& inputs) {
    return std::int64_t{3} * trial.image_size * trial.image_size * array_rows(trial, inputs);
}

/// Seconds are those of one thread while all threads of the rank are busy.
class CostModel {
  public:
    CostModel(const PlanInputs& inputs, GraphCache& graphs) : inputs_(inputs), graphs_(graphs) {}

    Measured decode(const Trial& trial);            // of one image
    double augment(const Trial& trial);             // of one image, changed
    Measured forward(const Trial& trial, int cut);  // of one image through the layers before `cut`
    /// Of one optimizer step of the trial, and of one image's evaluation; without the frozen pass up to its cut.
    Measured training(const Trial& trial);
    /// Images that go through the frozen layers where so many epochs compute features anew; what is evaluated is kept
    /// as far as there is room for it (worker/row_window).
    double recomputed_images(const Trial& trial, int epochs);
    Measured disk();  // of one byte written, and read

    /// Steps and evaluations of so many epochs.
    double epochs_seconds(const Trial& trial, int epochs);
    /// The same for a trajectory, with its set-up, from the epoch that it goes on from.
    double trajectory_seconds(const Plan& plan, const PlannedTrajectory& trajectory);

    /// Of a snapshot: what is trained (the layers behind the freeze depth and the head) and its optimizer's state.
    double snapshot_bytes(const Trial& trial);
    /// Of what is trained alone.
    double weights_bytes(const Trial& trial);
    std::int64_t tap_bytes(const Trial& trial, const Tap& tap);  // of one image
    /// Memory of a frozen pass over the layers before `cut`, for one image.
    std::int64_t forward_memory(const Trial& trial, int cut);
    /// Memory of a model while it trains.
    std::int64_t training_memory(const Trial& trial);

    /// The probes behind what was asked for so far that no measurement stands for.
    const std::vector<Probe>& missing() const { return missing_; }

  private:
    Measured known_or(const Probe& probe, const Measured& estimate);
    Measured head(const Trial& trial);
    Measured tail(const Trial& trial);
    double head_parameters(const Trial& trial);
    double parameters(const Trial& trial);

    const PlanInputs& inputs_;
    GraphCache& graphs_;
    std::unordered_map<std::string, Measured> known_;
    std::unordered_map<std::uint64_t, Measured> heads_;  // by a hash of what decides them: there may be a million
    std::vector<Probe> missing_;
};

}  // namespace thaw
