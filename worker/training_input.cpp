#include "worker/training_input.hpp"

#include <algorithm>

#include "common/util/error.hpp"
#include "worker/torch/threads.hpp"
#include "worker/weights/registry.hpp"

namespace thaw {

TrainingInput::TrainingInput(const TrainStage& stage, const Dataset& dataset, const LayerGraph& graph,
                             const TensorMap* tensors, int threads, Group* group)
    : stage_(stage),
      trial_(stage.trajectories.at(0).trial),
      dataset_(dataset),
      graph_(graph),
      group_(group),
      rank_threads_(threads),
      // A head alone is trained by one thread, but what takes long is what it is trained on: see PlannedStage.
      threads_(group || (stage.recompute && (stage.trajectories.size() > 1 || trial_.cut == graph.top_begin)) ? threads
                                                                                                              : 1),
      array_(stage.features.empty() ? stage.images : stage.features),
      views_(dataset, trial_) {
    if (array_.rows() != views_.count())
        throw StageError("an array of {} rows where {} are wanted", array_.rows(), views_.count());
    if (stage.recompute) {
        THAW_CHECK(tensors, "features are to be computed without weights");
        compute_features(*tensors);
    } else if (trial_.augment.fresh) {
        change_pixels();
    } else if (views_.views() > 0) {
        look_at_views();
    }
}

template <typename Element>
typename RowWindow<Element>::Settings TrainingInput::settings(std::int64_t elements) const {
    typename RowWindow<Element>::Settings settings;
    settings.images = views_.images();
    settings.elements = elements;
    settings.smallest = std::max(trial_.batch_size, kEvaluationBatch);
    settings.threads = threads_;
    return settings;
}

void TrainingInput::compute_features(const TensorMap& tensors) {
    const Tap tap{trial_.cut, trial_.cut == graph_.top_begin, trial_.head.pooling};
    network_ =
        make_frozen_network(graph_, tensors, find_preprocessing(stage_.weights.preprocessing), {tap}, trial_.precision);
    pixels_.emplace(array_, dataset_, trial_);
    auto window = settings<float>(tap_elements(graph_, tap));
    window.each = static_cast<std::size_t>(network_->batch());
    window.keeps_evaluation = true;
    window.compute = [this](std::span<const int> images, int epoch, float* out) {
        compute_on_one_thread();
        std::vector<std::uint8_t> pixels(images.size() * static_cast<std::size_t>(array_.row_elements()));
        pixels_->write(images, epoch, pixels.data());
        network_->run(pixels.data(), static_cast<int>(images.size()), {out});
    };
    features_.emplace(std::move(window));
}

void TrainingInput::change_pixels() {
    pixels_.emplace(array_, dataset_, trial_);
    auto window = settings<std::uint8_t>(array_.row_elements());
    window.compute = [this](std::span<const int> images, int epoch, std::uint8_t* out) {
        pixels_->write(images, epoch, out);
    };
    changed_.emplace(std::move(window));
}

void TrainingInput::look_at_views() {
    for (int image = 0; image < views_.images(); ++image) places_.push_back(image);
}

TailInput TrainingInput::rows() const {
    if (features_) return {features_->rows(), {}};
    if (changed_) return {{}, changed_->rows()};
    const int* places = places_.empty() ? nullptr : places_.data();
    if (stage_.features.empty()) return {{}, {array_.bytes(), array_.row_elements(), places}};
    return {{array_.floats(), array_.row_elements(), places}, {}};
}

void TrainingInput::attach_to(Together& together) {
    if (features_) {
        together.threads = threads_;
        together.begin_thread = compute_on_one_thread;
        together.window_rows = features_->window_rows();
        together.load = [this](std::span<const int> images, int epoch) {
            features_->load(images, epoch, group_);
            if (group_) compute_on_threads(rank_threads_);  // the window's passes have one thread each
        };
    } else if (changed_) {
        together.window_rows = changed_->window_rows();
        together.load = [this](std::span<const int> images, int epoch) { changed_->load(images, epoch, group_); };
    } else if (!places_.empty()) {
        together.window_rows = views_.images() + std::max(trial_.batch_size, kEvaluationBatch);  // all at once
        together.load = [this](std::span<const int> images, int epoch) {
            for (const int image : images) places_[static_cast<std::size_t>(image)] = views_.row(image, epoch);
        };
    }
}

}  // namespace thaw
