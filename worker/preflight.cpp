#include "worker/preflight.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "common/backbones/backbones.hpp"
#include "common/util/atomic_file.hpp"
#include "common/util/fingerprint.hpp"
#include "common/util/log.hpp"
#include "worker/cache/image_cache.hpp"
#include "worker/cache/view_rows.hpp"
#include "worker/data/decode.hpp"
#include "worker/data/findings.hpp"
#include "worker/data/image_folder.hpp"
#include "worker/network/frozen_network.hpp"
#include "worker/weights/fit_weights.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

std::string key_of(const Dataset& dataset, const std::vector<int>& images) {
    RowFingerprints rows;
    for (const int image : images) rows.push_back(dataset.images[static_cast<std::size_t>(image)].pixels());
    return rows_key(rows);
}

/// Throws UserError where they do not fit; tells what is taken of more than a network's own tensors.
void check_fit(const LayerGraph& graph, const fs::path& path) {
    WeightsFile file = read_weights_file(path);
    const std::string taken = taken_text(find_fit(graph, file));
    fit_weights(graph, std::move(file), path.string());
    if (!taken.empty()) log_info(fmt::format("weights file {}: {}", path.string(), taken));
}

WeightsSpec resolve(const NetworkRequest& network, const std::vector<std::filesystem::path>& folders) {
    const ResolvedWeights found =
        resolve_weights(network.backbone, {network.weights, network.preprocessing, network.padding}, folders);
    const LayerGraph graph = build_backbone(network.backbone, network.image_size, found.padding);
    if (!found.random()) check_fit(graph, found.path);
    return {found.path.string(), found.sha256, found.preprocessing.name, to_string(found.padding)};
}

constexpr const char* kLastRun = "last-run.json";

std::string changes_since_last_run(const fs::path& scratch, const Dataset& dataset) {
    std::error_code unknown;
    if (!fs::exists(scratch / kLastRun, unknown)) return "";
    try {
        return changes_text(read_dataset(scratch / kLastRun), dataset);
    } catch (const std::exception&) {  // damaged, or of another version: there is nothing to compare with
        return "";
    }
}

}  // namespace

void remember_run(const fs::path& scratch, const Inputs& inputs) {
    write_file(scratch / kLastRun, read_file(inputs.dataset));
}

Inputs inspect_inputs(const PreflightRequest& request) {
    for (const Precision precision : request.precisions) check_supported(precision);
    Inputs inputs;
    for (const NetworkRequest& network : request.networks) {
        const auto key = std::make_pair(network.backbone, network.weights);
        if (inputs.weights.contains(key)) continue;
        try {
            inputs.weights[key] = resolve(network, request.weights_folders);
        } catch (const UserError& error) {
            if (!network.error) throw;
            throw network.error(error.what());
        }
    }
    // One file a data folder, so that it does not grow with every folder there ever was.
    const fs::path place = fs::absolute(request.data_folder).lexically_normal();
    const Dataset dataset = scan_images(request.data_folder, request.split, request.threads,
                                        request.cache / ("fingerprints-" + fingerprint(place.string()).substr(0, 16)));
    inputs.data_folder = dataset.folder.string();
    inputs.dataset_fingerprint = dataset.fingerprint();
    inputs.images_key = rows_key(fingerprints_of(dataset));
    inputs.trained_key = key_of(dataset, trained_images(dataset, false));
    inputs.folded_key = key_of(dataset, trained_images(dataset, true));
    inputs.decoder = decoder_version();
    inputs.dataset = (request.scratch / ("dataset-" + inputs.dataset_fingerprint.substr(0, 16) + ".json")).string();
    inputs.classes = dataset.classes;
    const int fold = request.split.folds != 0 ? 1 : 0;  // the others are as large, but for an image
    inputs.train_images = dataset.count(Part::train, fold);
    inputs.validation_images = dataset.count(Part::validation, fold);
    inputs.test_images = dataset.count(Part::test, fold);
    for (const ImageFile& image : dataset.images)
        inputs.image_bytes += static_cast<std::int64_t>(std::filesystem::file_size(dataset.folder / image.path));
    inputs.findings = findings(dataset);
    if (const std::string changes = changes_since_last_run(request.scratch, dataset); !changes.empty())
        inputs.findings.insert(inputs.findings.begin(), "since the last run " + changes);
    inputs.decode = request.decode;
    inputs.on_bad_image = request.on_bad_image;
    inputs.frozen_back_end = frozen_back_end();
    write_dataset(inputs.dataset, dataset);
    return inputs;
}

}  // namespace thaw
