#include "cli/preview_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "cli/prepared_sweep.hpp"
#include "common/util/error.hpp"
#include "worker/cache/image_cache.hpp"
#include "worker/cache/view_rows.hpp"
#include "worker/data/augment.hpp"
#include "worker/data/contact_sheet.hpp"
#include "worker/data/decode.hpp"
#include "worker/data/image_folder.hpp"

namespace thaw {
namespace {

constexpr int kMostColumns = 7;

struct PreviewOptions {
    SweepOptions sweep;
    std::string out = "preview.png";
    int images = 4;
};

/// One trial for each augmentation and image size of the sweep.
std::vector<Trial> distinct_augmentations(const std::vector<Trial>& trials) {
    std::vector<Trial> distinct;
    std::set<std::pair<std::string, int>> seen;
    for (const Trial& trial : trials)
        if (!trial.augment.none() && seen.emplace(augment_name(trial.augment), trial.image_size).second)
            distinct.push_back(trial);
    return distinct;
}

/// An image as it is and as the first epochs see it.
std::vector<std::vector<std::uint8_t>> pictures_of(const Dataset& dataset, int image, DecodeOptions options,
                                                   const Trial& trial) {
    options.image_size = trial.image_size;
    std::vector<std::uint8_t> original(decoded_row_bytes(options));
    const ImageFile& file = dataset.images[static_cast<std::size_t>(image)];
    decode_image(dataset.folder / file.path, options, original.data());
    std::vector<std::vector<std::uint8_t>> pictures = {original};
    const int draws = trial.augment.fresh ? kMostColumns : std::min(trial.augment.views, kMostColumns);
    for (int epoch = 1; epoch <= draws; ++epoch) {
        pictures.emplace_back(original.size());
        apply(draw(trial.augment, trial.seed, epoch, file.fingerprint, trial.image_size), trial.image_size,
              original.data(), pictures.back().data());
    }
    return pictures;
}

void preview(const PreviewOptions& options) {
    PreparedSweep prepared;
    read_trials(options.sweep, prepared);
    const SweepData& data = prepared.sweep.data;
    const std::vector<Trial> trials = distinct_augmentations(prepared.trials);
    if (trials.empty())
        throw UserError("{} has no `augment:`; write for example `augment: {{views: 4, rotation_range: 10}}`",
                        options.sweep.file);
    const Dataset dataset = scan_images(data.folder, data.split, 1);
    std::vector<SheetBlock> blocks;
    for (const Trial& trial : trials) {
        const std::vector<int> trained = trained_images(dataset, trial.folds > 0);
        const auto count = std::min(static_cast<std::size_t>(options.images), trained.size());
        blocks.push_back(
            {fmt::format("{}, seed {}, {} px: the image, then {}", augment_name(trial.augment), trial.seed,
                         trial.image_size, trial.augment.fresh ? "what the first epochs see" : "its views"),
             trial.image_size,
             {}});
        for (std::size_t i = 0; i < count; ++i)
            blocks.back().rows.push_back(pictures_of(dataset, trained[i * trained.size() / count], data.decode, trial));
        fmt::print("{}\n", blocks.back().title);
    }
    write_contact_sheet(options.out, blocks);
    fmt::print("{}\n", options.out);
}

}  // namespace

void add_preview_command(CLI::App& data) {
    const auto options = std::make_shared<PreviewOptions>();
    auto* command = data.add_subcommand("preview", "Draw what a sweep's augmentation makes of some training images");
    command->add_option("sweep", options->sweep.file, "The sweep file")->required()->type_name("SWEEP.yaml");
    command->add_option("--out,-o", options->out, "The picture to write")->capture_default_str()->type_name("FILE.png");
    command->add_option("--images", options->images, "How many images, one a row")
        ->capture_default_str()
        ->check(CLI::Range(1, 100));
    command->footer("Example: thaw data preview sweep.yaml --out augmented.png --images 6");
    command->callback([options] { preview(*options); });
}

}  // namespace thaw
