#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "coordinator/plan/passes.hpp"

namespace thaw {
namespace {

/// Memory's read bandwidth of one thread, from a server of 2021; only its proportion to the others matters.
constexpr double kMemoryByte = 1e-10;  // s
/// What is on disk serves later sweeps too: elsewhere must be this much cheaper.
constexpr double kPreferDisk = 1.25;
/// One tap of a features stage and all that decides where it is kept.
struct Candidate {
    std::size_t stage, tap;
    std::int64_t bytes = 0;
    double forward = 0;                 // s, to compute it once
    double recompute = 0;               // s, to compute it at every use
    double on_disk = 0, in_memory = 0;  // s, computed once, stored, read at every use

    /// Seconds saved by a stored byte.
    double worth() const { return (recompute - std::min(on_disk, in_memory)) / static_cast<double>(bytes); }
};

class CacheChooser {
  public:
    CacheChooser(Plan& plan, PassContext& context) : plan_(plan), context_(context), inputs_(context.inputs) {}

    PassReport choose() {
        find_readers();
        disk_ = plan_.in_flight_bytes;
        std::vector<Candidate> candidates;
        for (std::size_t s = 0; s < plan_.stages.size(); ++s) {
            if (plan_.stages[s].kind == StageKind::decode)
                disk_ += decoded_bytes(plan_.first_trial(plan_.stages[s]), inputs_);
            for (std::size_t t = 0; t < plan_.stages[s].taps.size(); ++t) candidates.push_back(candidate(s, t));
        }
        std::stable_sort(candidates.begin(), candidates.end(),
                         [](const Candidate& a, const Candidate& b) { return a.worth() > b.worth(); });
        for (const Candidate& candidate : candidates) place(candidate);
        forget_unplaced();
        report_.name = "choose_cache";
        report_.text = fmt::format("{} outputs on disk, {} in memory, {} computed anew where they are used", count_[0],
                                   count_[1], count_[2]);
        return std::move(report_);
    }

  private:
    using Reader = std::pair<std::size_t, Tap>;  // features stage and its tap

    /// Which train stages read each tap.
    void find_readers() {
        for (std::size_t s = 0; s < plan_.stages.size(); ++s) {
            const PlannedStage& stage = plan_.stages[s];
            if (stage.kind != StageKind::train || !has_features(plan_.first_trial(stage))) continue;
            const Trial& trial = plan_.first_trial(stage);
            readers_[{static_cast<std::size_t>(stage.needs.back()), tap_of(trial, context_.graphs.of(trial, inputs_))}]
                .push_back(s);
        }
    }

    Candidate candidate(std::size_t s, std::size_t t) {
        const PlannedStage& stage = plan_.stages[s];
        const Tap& tap = stage.taps[t];
        const Trial& first = plan_.first_trial(stage);
        const std::int64_t row = context_.costs.tap_bytes(first, tap);
        Candidate result{s, t, row * array_rows(first, inputs_), 0, 0, 0, 0};
        const double image = context_.costs.forward(first, tap.cut).seconds / inputs_.threads_per_rank;
        const double used = inputs_.train_images + inputs_.validation_images;
        // Epochs by seed, batch size and fold: share_forward's groups.
        std::map<std::tuple<std::uint64_t, int, int>, int> streams;
        double epochs = 0;
        for (const std::size_t reader : readers_[{s, tap}]) {
            const PlannedTrajectory& trajectory = plan_.trajectory(plan_.stages[reader].trajectories[0]);
            const Trial& trial = plan_.first_trial(trajectory);
            const int left = trajectory.to_epoch - trajectory.from_epoch;
            int& longest = streams[{trial.seed, trial.batch_size, trial.fold}];
            longest = std::max(longest, left);
            epochs += left;
        }
        for (const auto& [stream, longest] : streams)
            result.recompute += context_.costs.recomputed_images(first, longest) * image;
        const Measured disk = context_.costs.disk();
        const bool is_there = inputs_.is_cached(features_array(first, tap, inputs_));
        result.forward = is_there ? 0 : static_cast<double>(array_rows(first, inputs_)) * image;
        const double written = is_there ? 0 : static_cast<double>(result.bytes);
        // What fits into memory is read from disk once, by the system.
        const double read = result.bytes <= inputs_.memory_budget ? kMemoryByte : disk.evaluation;
        const double reads = epochs * used * static_cast<double>(row);
        result.on_disk = result.forward + written * disk.seconds + reads * read;
        result.in_memory = result.forward + reads * kMemoryByte;
        return result;
    }

    void place(const Candidate& candidate) {
        const bool fits_disk = inputs_.cache_budget == 0 || candidate.bytes <= inputs_.cache_budget - disk_;
        const bool fits_memory = candidate.bytes <= inputs_.memory_budget - memory_;
        const bool memory_pays = candidate.in_memory * kPreferDisk < candidate.on_disk;
        const double stored = fits_memory && memory_pays ? candidate.in_memory : candidate.on_disk;
        Storage place = Storage::nowhere;
        std::string why;
        if (candidate.recompute * kPreferDisk < stored) {
            why = "storing and reading them costs more than computing them";
        } else if (fits_disk && !(fits_memory && memory_pays)) {
            place = Storage::disk;
            why = "kept for later sweeps too";
        } else if (fits_memory) {
            place = Storage::memory;
            why = fits_disk ? "writing them to disk costs more than it saves" : "the disk budget is used up";
        } else {
            why = "neither the disk budget nor the memory budget holds them";
        }
        (place == Storage::disk ? disk_ : memory_) += place == Storage::nowhere ? 0 : candidate.bytes;
        ++count_[static_cast<std::size_t>(place)];
        PlannedStage& stage = plan_.stages[candidate.stage];
        stage.taps[candidate.tap].place = place;
        const Tap& tap = stage.taps[candidate.tap];
        constexpr const char* kPlaces[] = {"on disk", "in memory", "computed anew"};
        report_.details.push_back(fmt::format(
            "{}{} cut {}{}: {} ({:.1f} MB; computed anew {:.1f} s, on disk {:.1f} s, in memory {:.1f} s): {}",
            plan_.first_trial(stage).backbone, precision_mark(plan_.first_trial(stage).precision), tap.cut,
            tap.pooled ? " pooled" : "", kPlaces[static_cast<std::size_t>(place)],
            static_cast<double>(candidate.bytes) / 1e6, candidate.recompute, candidate.on_disk, candidate.in_memory,
            why));
        if (place != Storage::nowhere) return;
        for (const std::size_t reader : readers_[{candidate.stage, tap}]) {
            plan_.stages[reader].recompute = true;
            plan_.stages[reader].needs.pop_back();
        }
    }

    /// Takes out taps that are kept nowhere, and passes that have no other.
    void forget_unplaced() {
        StageMap into = every_stage_itself(plan_);
        for (std::size_t s = 0; s < plan_.stages.size(); ++s) {
            PlannedStage& stage = plan_.stages[s];
            std::erase_if(stage.taps, [](const PlannedTap& tap) { return tap.place == Storage::nowhere; });
            if (stage.kind == StageKind::features && stage.taps.empty()) into[s] = kNoStage;
        }
        merge_stages(plan_, into);
    }

    Plan& plan_;
    PassContext& context_;
    const PlanInputs& inputs_;
    std::map<Reader, std::vector<std::size_t>> readers_;
    std::int64_t disk_ = 0, memory_ = 0;  // taken: decoded images always lie on disk, snapshots too
    int count_[3] = {};                   // by Storage
    PassReport report_;
};

}  // namespace

PassReport choose_cache(Plan& plan, PassContext& context) {
    return CacheChooser(plan, context).choose();
}

}  // namespace thaw
