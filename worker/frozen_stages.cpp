#include "worker/frozen_stages.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <vector>

#include "common/backbones/backbones.hpp"
#include "common/util/error.hpp"
#include "common/util/parallel.hpp"
#include "worker/cache/array_file.hpp"
#include "worker/cache/image_cache.hpp"
#include "worker/group_batches.hpp"
#include "worker/network/frozen_network.hpp"
#include "worker/torch/threads.hpp"

namespace thaw {
namespace {

/// A tap whose array does not stand in the cache.
struct Output {
    Tap tap;
    CachedArray array;
    DonatedRows donated;
    std::unique_ptr<ArrayFileWriter> writer = nullptr;
};

/// All rows but those of images that could not be decoded: these stay zero, and nobody reads them.
std::vector<std::int64_t> good_rows(std::int64_t count, const std::vector<BadImage>& bad) {
    std::vector<std::int64_t> rows;
    auto next_bad = bad.begin();
    for (std::int64_t row = 0; row < count; ++row) {
        if (next_bad != bad.end() && next_bad->index == row)
            ++next_bad;
        else
            rows.push_back(row);
    }
    return rows;
}

std::vector<Output> outputs_to_make(const FeaturesStage& stage, const LayerGraph& graph, const ArrayFile& images,
                                    const std::vector<BadImage>& bad) {
    const std::filesystem::path path = stage.images;
    const auto name = ArrayName::parse(path.filename().string());
    std::optional<RowFingerprints> fingerprints;
    if (name && stage.cache_budget > 0) fingerprints = read_rows(path.parent_path(), name->images);
    std::vector<Output> outputs;
    for (const auto& wanted : stage.taps) {
        CachedArray array(wanted.output, {images.rows(), tap_elements(graph, wanted), static_cast<int>(sizeof(float))},
                          stage.cache_budget);
        const auto there = array.reuse();
        if (there && std::ranges::equal(*there, bad, {}, &BadImage::index, &BadImage::index)) continue;
        DonatedRows donated = array.donated(fingerprints.value_or(RowFingerprints{}), good_rows(images.rows(), bad));
        outputs.push_back({wanted, std::move(array), std::move(donated)});
    }
    return outputs;
}

/// The rows that at least one output lacks; ascending.
std::vector<std::int64_t> missing_rows(const std::vector<Output>& outputs) {
    std::set<std::int64_t> rows;
    for (const Output& output : outputs) rows.insert(output.donated.missing().begin(), output.donated.missing().end());
    return {rows.begin(), rows.end()};
}

/// Sends images that need not be neighbours through the network as one batch.
class FrozenBatch {
  public:
    FrozenBatch(const FrozenNetwork& network, const ArrayFile& images, const std::vector<Output*>& outputs)
        : network_(network), images_(images), outputs_(outputs) {}

    void run(const std::int64_t* rows, int count) {
        std::vector<float*> results;
        if (rows[count - 1] - rows[0] == count - 1) {  // neighbours: no copies
            for (Output* output : outputs_) results.push_back(static_cast<float*>(output->writer->row(rows[0])));
            network_.run(static_cast<const std::uint8_t*>(images_.row(rows[0])), count, results);
            return;
        }
        const std::vector<std::uint8_t> gathered = images_.gather(std::span(rows, static_cast<std::size_t>(count)));
        std::vector<std::vector<float>> made;
        for (const Output* output : outputs_) made.emplace_back(elements(*output) * static_cast<std::size_t>(count));
        for (auto& values : made) results.push_back(values.data());
        network_.run(gathered.data(), count, results);
        for (std::size_t j = 0; j < outputs_.size(); ++j)
            for (int i = 0; i < count; ++i)
                std::memcpy(outputs_[j]->writer->row(rows[i]),
                            made[j].data() + elements(*outputs_[j]) * static_cast<std::size_t>(i),
                            elements(*outputs_[j]) * sizeof(float));
    }

  private:
    static std::size_t elements(const Output& output) {
        return static_cast<std::size_t>(output.array.shape().row_elements);
    }

    const FrozenNetwork& network_;
    const ArrayFile& images_;
    const std::vector<Output*>& outputs_;
};

/// One pass over the rows that outputs lack.
struct Pass {
    const FeaturesStage& stage;
    const ArrayFile& images;
    std::vector<std::int64_t> missing;  // rows
    std::vector<Tap> taps;              // that lack any
    std::vector<Output*> outputs;       // of these taps; none on members of a group that do not lead it
    const StageReports& reports;
    const std::stop_token& stop;
    int threads;
};

/// What the other members of a group have to know of a pass.
void share(Group& group, Pass& pass) {
    std::vector<std::int64_t> taps;
    for (const Tap& tap : pass.taps)
        taps.push_back(std::find(pass.stage.taps.begin(), pass.stage.taps.end(), tap) - pass.stage.taps.begin());
    broadcast_numbers(group, taps);
    broadcast_numbers(group, pass.missing);
    pass.taps.clear();
    for (const std::int64_t tap : taps) pass.taps.push_back(pass.stage.taps[static_cast<std::size_t>(tap)]);
}

/// On this process' threads, straight into the outputs; false where it was stopped.
bool forward_here(const Pass& pass, const FrozenNetwork& network) {
    const auto count = static_cast<std::int64_t>(pass.missing.size());
    std::atomic<std::int64_t> done{pass.images.rows() - count};
    const std::int64_t batches = (count + network.batch() - 1) / network.batch();
    for_each_index(static_cast<std::size_t>(batches), pass.threads, [&](std::size_t batch) {
        if (pass.stop.stop_requested()) return;
        compute_on_one_thread();
        const std::int64_t first = static_cast<std::int64_t>(batch) * network.batch();
        const int size = static_cast<int>(std::min<std::int64_t>(network.batch(), count - first));
        FrozenBatch(network, pass.images, pass.outputs).run(pass.missing.data() + first, size);
        pass.reports.progress(done += size);
    });
    return !pass.stop.stop_requested();
}

/// The same, where every member of a group computes batches and the first one keeps them. `elements`: of each tap, for
/// one image.
bool forward_in_group(const Pass& pass, const FrozenNetwork& network, const std::vector<std::size_t>& elements,
                      Group& group) {
    const auto each = static_cast<std::size_t>(network.batch());
    const auto rows_of = [&](std::size_t batch) {
        const std::size_t first = batch * each;
        return std::span(pass.missing).subspan(first, std::min(each, pass.missing.size() - first));
    };
    GroupBatches batches;
    batches.count = (pass.missing.size() + each - 1) / each;
    batches.bytes = each * std::accumulate(elements.begin(), elements.end(), std::size_t{0}) * sizeof(float);
    batches.compute = [&](std::size_t batch, std::byte* out) {
        compute_on_one_thread();
        const auto rows = rows_of(batch);
        const std::vector<std::uint8_t> pixels = pass.images.gather(rows);
        std::vector<float*> results;
        auto* next = reinterpret_cast<float*>(out);
        for (const std::size_t of_tap : elements) {
            results.push_back(next);
            next += of_tap * rows.size();
        }
        network.run(pixels.data(), static_cast<int>(rows.size()), results);
    };
    std::int64_t done = pass.images.rows() - static_cast<std::int64_t>(pass.missing.size());
    batches.keep = [&](std::size_t batch, const std::byte* bytes) {
        const auto* next = reinterpret_cast<const float*>(bytes);
        for (std::size_t tap = 0; tap < elements.size(); ++tap)
            for (const std::int64_t row : rows_of(batch)) {
                std::memcpy(pass.outputs[tap]->writer->row(row), next, elements[tap] * sizeof(float));
                next += elements[tap];
            }
        pass.reports.progress(done += static_cast<std::int64_t>(rows_of(batch).size()));
    };
    return run_on_all_members(group, batches, pass.threads, pass.stop);
}

/// Fills the missing rows; false where it was stopped.
bool forward(Pass& pass, const LayerGraph& graph, StageContext& context, Group* group) {
    if (group) share(*group, pass);
    if (pass.missing.empty()) return true;
    const auto tensors = tensors_of(pass.stage.weights, graph, pass.stage.seed, context);
    const auto network = make_frozen_network(graph, *tensors, find_preprocessing(pass.stage.weights.preprocessing),
                                             pass.taps, pass.stage.precision);
    if (!group) return forward_here(pass, *network);
    std::vector<std::size_t> elements;
    for (const Tap& tap : pass.taps) elements.push_back(static_cast<std::size_t>(tap_elements(graph, tap)));
    return forward_in_group(pass, *network, elements, *group);
}

/// Rows of images, decoded by all members of a group.
class GroupDecoder {
  public:
    GroupDecoder(const Dataset& dataset, const DecodeOptions& options, int threads, const std::stop_token& stop,
                 Group& group)
        : dataset_(dataset), options_(options), threads_(threads), stop_(stop), group_(group) {}

    /// Member 0 gives the images, and is given their pixels. False, on all members, where one was asked to stop.
    bool decode(std::vector<std::int64_t> images, const DecodedRows& rows) {
        broadcast_numbers(group_, images);
        const std::size_t pixels = decoded_row_bytes(options_);
        GroupBatches batches{images.size(), pixels + kReason, {}, {}};
        batches.compute = [&](std::size_t i, std::byte* out) {
            std::memset(out + pixels, 0, kReason);
            const std::string bad = decode_row(dataset_, options_, images[i], reinterpret_cast<std::uint8_t*>(out));
            std::strncpy(reinterpret_cast<char*>(out + pixels), bad.c_str(), kReason - 1);
        };
        batches.keep = [&](std::size_t i, const std::byte* bytes) {
            std::memcpy(rows.place(images[i]), bytes, pixels);
            rows.done(images[i], reinterpret_cast<const char*>(bytes + pixels));
        };
        return run_on_all_members(group_, batches, threads_, stop_);
    }

  private:
    static constexpr std::size_t kReason = 1024;  // bytes for why an image is bad

    const Dataset& dataset_;
    const DecodeOptions& options_;
    int threads_;
    const std::stop_token& stop_;
    Group& group_;
};

/// Ends all threads that decode for decode_images, and that with them.
struct LeftEarly {};

void require_readable(const std::vector<BadImage>& bad, const Dataset& dataset) {
    if (bad.empty()) return;
    std::vector<std::string> reasons;
    for (std::size_t i = 0; i < std::min<std::size_t>(bad.size(), 10); ++i) reasons.push_back(bad[i].reason);
    throw UserError(
        "{} of {} images in {} cannot be read:\n  {}{}\nMend or remove them, or write `on_bad_image: skip` under "
        "`data:` to go on without them.",
        bad.size(), dataset.images.size(), dataset.folder.string(), fmt::join(reasons, "\n  "),
        bad.size() > reasons.size() ? "\n  ..." : "");
}

}  // namespace

StageResult run(const DecodeStage& stage, StageContext& context, const StageReports& reports,
                const std::stop_token& stop, Group* group) {
    const auto dataset = dataset_of(stage.dataset, context);
    DecodeRows decode = decode_on_threads(*dataset, stage.options, context.threads);
    bool asked = false, together = false;
    std::optional<GroupDecoder> decoder;
    if (group) {
        decoder.emplace(*dataset, stage.options, context.threads, stop, *group);
        if (!group->leads()) {
            decoder->decode({}, {});
            return {};
        }
        decode = [&](const std::vector<std::int64_t>& images, const DecodedRows& rows) {
            asked = together = true;
            if (!decoder->decode(images, rows)) throw LeftEarly();
            together = false;
        };
    }
    const auto report_unless_stopped = [&](std::int64_t images) {
        if (stop.stop_requested() && !together) throw LeftEarly();  // members of a group leave after the same round
        reports.progress(images);
    };
    std::optional<Decoded> decoded;
    try {
        decoded = decode_images(*dataset, stage.options, decode, stage.output, stage.cache_budget,
                                report_unless_stopped, {stage.trial, context.threads});
    } catch (const LeftEarly&) {
    }
    if (decoder && !asked) decoder->decode({}, {});  // the others wait to hear that there is nothing to do
    if (!decoded) return {};
    std::vector<BadImage>& bad = decoded->bad;
    std::erase_if(bad, [&](const BadImage& image) { return image.index >= static_cast<int>(dataset->images.size()); });
    if (stage.on_bad_image == OnBadImage::stop) require_readable(bad, *dataset);
    return {.bytes = decoded->reused ? 0 : static_cast<std::int64_t>(std::filesystem::file_size(stage.output)),
            .bad_images = static_cast<int>(bad.size()),
            .reused = decoded->reused,
            .computed = decoded->computed};
}

StageResult run(const FeaturesStage& stage, StageContext& context, const StageReports& reports,
                const std::stop_token& stop, Group* group) {
    const LayerGraph graph =
        build_backbone(stage.backbone, stage.image_size, parse_padding_style(stage.weights.padding));
    const ArrayFile images(stage.images);
    const std::vector<BadImage> bad = read_bad_images(stage.images);
    const bool leads = !group || group->leads();
    std::vector<Output> outputs;
    if (leads) outputs = outputs_to_make(stage, graph, images, bad);
    for (Output& output : outputs) {
        output.writer = output.array.begin();
        output.donated.copy_to(*output.writer);
    }
    Pass pass{stage, images, missing_rows(outputs), {}, {}, reports, stop, context.threads};
    for (Output& output : outputs) {
        if (output.donated.missing().empty()) continue;
        pass.outputs.push_back(&output);
        pass.taps.push_back(output.tap);
    }
    const auto computed = static_cast<std::int64_t>(pass.missing.size());
    const bool whole = forward(pass, graph, context, group);
    if (!whole || stop.stop_requested()) return {};
    if (leads && outputs.empty()) return {.reused = true};
    StageResult result{.computed = computed};
    for (const Output& output : outputs) {
        output.array.commit(*output.writer, bad);
        result.bytes += output.array.file_bytes();
    }
    return result;
}

}  // namespace thaw
