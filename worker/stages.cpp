#include "worker/stages.hpp"

#include <set>

#include "common/backbones/backbones.hpp"
#include "worker/data/array_file.hpp"
#include "worker/data/image_cache.hpp"
#include "worker/frozen_stages.hpp"
#include "worker/train/head_model.hpp"
#include "worker/train/tail_model.hpp"

namespace thaw {
namespace {

/// The images of one part, without the bad ones.
Samples samples_of(const Dataset& dataset, Part part, const std::set<int>& bad) {
    Samples samples;
    for (int i = 0; i < static_cast<int>(dataset.images.size()); ++i) {
        const ImageFile& image = dataset.images[static_cast<std::size_t>(i)];
        if (image.part != part || bad.contains(i)) continue;
        samples.rows.push_back(i);
        samples.labels.push_back(image.label);
    }
    return samples;
}

StageResult run(const TrainStage& stage, StageContext& context, const StageReports& reports,
                const std::stop_token& stop) {
    const auto dataset = dataset_of(stage.dataset, context);
    std::set<int> bad;
    for (const BadImage& image : read_bad_images(stage.images)) bad.insert(image.index);
    const Samples train = samples_of(*dataset, Part::train, bad);
    const Samples validation = samples_of(*dataset, Part::validation, bad);
    const LayerGraph graph =
        build_backbone(stage.trial.backbone, stage.trial.image_size, parse_padding_style(stage.weights.padding));
    const int classes = static_cast<int>(dataset->classes.size());
    const ArrayFile input(stage.features.empty() ? stage.images : stage.features);
    std::shared_ptr<const TensorMap> tensors;
    std::unique_ptr<Model> model;
    if (stage.trial.cut == graph.top_begin) {
        model = std::make_unique<HeadModel<float>>(stage.trial, input.floats(), static_cast<int>(input.row_elements()),
                                                   classes);
    } else {
        tensors = tensors_of(stage.weights, graph, stage.trial.seed, context);
        TailInput tail_input;
        if (stage.features.empty())
            tail_input.images = input.bytes();
        else
            tail_input.features = input.floats();
        model = make_tail_model(stage.trial, graph, *tensors, find_preprocessing(stage.weights.preprocessing),
                                tail_input, classes);
    }
    train_trajectory(*model, stage.trial, train, validation, reports.epoch, stop);
    return {};
}

}  // namespace

StageResult run_stage(const StageSpec& spec, StageContext& context, const StageReports& reports,
                      const std::stop_token& stop) {
    return std::visit([&](const auto& stage) { return run(stage, context, reports, stop); }, spec);
}

}  // namespace thaw
