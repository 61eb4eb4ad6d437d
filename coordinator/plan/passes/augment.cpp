#include <fmt/format.h>

#include <map>

#include "coordinator/plan/passes.hpp"

namespace thaw {
namespace {

/// What trainings of one augmentation have in common.
struct Augmented {
    const Trial* trial;
    int trainings = 0;
    std::int64_t epochs = 0;      // of all of them
    double frozen_seconds = 0;    // of one thread, through frozen layers, epoch after epoch
    double changing_seconds = 0;  // the same, to change the pixels
};

std::string explanation(const Augmented& found, const Inputs& inputs) {
    const Trial& trial = *found.trial;
    const int images = trained_images(trial, inputs);
    const std::string name = augment_name(trial.augment);
    if (trial.augment.views > 0)
        return fmt::format(
            "{}, seed {}: {} views of {} training images are made once at {} px; arrays have {} rows instead of {}, "
            "and "
            "stay cached; {} trainings take the views in turn",
            name, trial.seed, images * trial.augment.views, images, trial.image_size, array_rows(trial, inputs),
            inputs.images(), found.trainings);
    return fmt::format(
        "{}: no two epochs see the same pixels, so nothing of training images is cached: {} images x {} epochs of {} "
        "trainings are changed ({:.1f} core-seconds){}; views: 4 would be made once",
        name, images, found.epochs, found.trainings, found.changing_seconds,
        found.frozen_seconds > 0 ? fmt::format(" and carried through the frozen layers ({:.1f} core-seconds, before "
                                               "trainings share them)",
                                               found.frozen_seconds)
                                 : std::string());
}

}  // namespace

PassReport explain_augment(Plan& plan, PassContext& context) {
    std::map<std::string, Augmented> all;  // by what is said of them
    for (const PlannedTrajectory& trajectory : plan.trajectories) {
        const Trial& trial = plan.first_trial(trajectory);
        if (trial.augment.none()) continue;
        const std::string seed = trial.augment.fresh ? "" : fmt::format("|{}|{}", trial.image_size, trial.seed);
        Augmented& found = all.try_emplace(augment_name(trial.augment) + seed, Augmented{&trial}).first->second;
        ++found.trainings;
        found.epochs += trajectory.to_epoch;
        if (!trial.augment.fresh) continue;
        const double images = static_cast<double>(trajectory.to_epoch) * context.inputs.train_images;
        found.changing_seconds += images * context.costs.augment(trial);
        if (has_frozen_pass(trial.cut))
            found.frozen_seconds += images * context.costs.forward(trial, trial.cut).seconds;
    }
    if (all.empty()) return {};
    PassReport report{"augment", "", {}};
    int fresh = 0, trainings = 0;
    for (const auto& [key, found] : all) {
        (found.trial->augment.fresh ? fresh : trainings) += found.trainings;
        report.details.push_back(explanation(found, context.inputs));
    }
    report.text =
        fmt::format("{} trainings on fixed views, {} on images that every epoch changes anew", trainings, fresh);
    return report;
}

}  // namespace thaw
