#include "worker/frozen_stages.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <filesystem>

#include "common/backbones/backbones.hpp"
#include "common/error.hpp"
#include "common/parallel.hpp"
#include "worker/data/array_file.hpp"
#include "worker/data/image_cache.hpp"
#include "worker/network/frozen_network.hpp"
#include "worker/threads.hpp"

namespace thaw {

StageResult run(const DecodeStage& stage, StageContext& context, const StageReports& reports,
                const std::stop_token& stop) {
    const auto dataset = dataset_of(stage.dataset, context);
    const bool reused = ArrayFile::usable(stage.output);
    const auto report_unless_stopped = [&](std::int64_t images) {
        if (stop.stop_requested()) throw StageError("stopped");  // ends every thread that decodes
        reports.progress(images);
    };
    const auto bad = decode_images(*dataset, stage.options, context.threads, stage.output, report_unless_stopped);
    if (!bad.empty() && stage.on_bad_image == OnBadImage::stop) {
        std::vector<std::string> reasons;
        for (std::size_t i = 0; i < std::min<std::size_t>(bad.size(), 10); ++i) reasons.push_back(bad[i].reason);
        throw UserError(
            "{} of {} images in {} cannot be read:\n  {}{}\nMend or remove them, or write `on_bad_image: skip` under "
            "`data:` to go on without them.",
            bad.size(), dataset->images.size(), dataset->folder.string(), fmt::join(reasons, "\n  "),
            bad.size() > reasons.size() ? "\n  ..." : "");
    }
    return {reused ? 0 : static_cast<std::int64_t>(std::filesystem::file_size(stage.output)),
            static_cast<int>(bad.size()), reused};
}

StageResult run(const FeaturesStage& stage, StageContext& context, const StageReports& reports,
                const std::stop_token& stop) {
    if (std::all_of(stage.taps.begin(), stage.taps.end(),
                    [](const auto& tap) { return ArrayFile::usable(tap.output); }))
        return {.reused = true};
    const LayerGraph graph =
        build_backbone(stage.backbone, stage.image_size, parse_padding_style(stage.weights.padding));
    const auto tensors = tensors_of(stage.weights, graph, stage.seed, context);
    const ArrayFile images(stage.images);
    std::vector<Tap> taps;
    std::vector<std::unique_ptr<ArrayFileWriter>> outputs;
    for (const auto& tap : stage.taps) {
        taps.push_back({tap.cut, tap.pooled, tap.pooling});
        outputs.push_back(std::make_unique<ArrayFileWriter>(tap.output, images.rows(), tap_elements(graph, taps.back()),
                                                            static_cast<int>(sizeof(float))));
    }
    const auto network = make_frozen_network(graph, *tensors, find_preprocessing(stage.weights.preprocessing), taps);
    const std::int64_t batches = (images.rows() + kCanonicalBatch - 1) / kCanonicalBatch;
    std::atomic<std::int64_t> done{0};
    for_each_index(static_cast<std::size_t>(batches), context.threads, [&](std::size_t batch) {
        if (stop.stop_requested()) return;
        compute_on_one_thread();
        const std::int64_t first = static_cast<std::int64_t>(batch) * kCanonicalBatch;
        const int count = static_cast<int>(std::min<std::int64_t>(kCanonicalBatch, images.rows() - first));
        std::vector<float*> rows;
        for (auto& output : outputs) rows.push_back(static_cast<float*>(output->row(first)));
        network->run(images.bytes() + first * images.row_elements(), count, rows);
        reports.progress(done += count);
    });
    if (stop.stop_requested()) return {};
    StageResult result;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        outputs[i]->commit();
        result.bytes += static_cast<std::int64_t>(std::filesystem::file_size(stage.taps[i].output));
    }
    return result;
}

}  // namespace thaw
