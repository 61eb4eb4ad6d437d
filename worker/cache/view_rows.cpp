#include "worker/cache/view_rows.hpp"

#include <cstring>

#include "common/util/error.hpp"
#include "common/util/fingerprint.hpp"
#include "worker/data/augment.hpp"

namespace thaw {

std::vector<int> trained_images(const Dataset& dataset, bool folds) {
    std::vector<int> trained;
    for (int i = 0; i < static_cast<int>(dataset.images.size()); ++i) {
        const Part part = dataset.images[static_cast<std::size_t>(i)].part;
        if (folds ? part != Part::test : part == Part::train) trained.push_back(i);
    }
    return trained;
}

ViewRows::ViewRows(const Dataset& dataset, const Trial& trial)
    : augment_(trial.augment),
      seed_(trial.seed),
      views_(trial.augment.views),
      trained_(trained_images(dataset, trial.folds > 0)),
      place_(dataset.images.size(), -1) {
    for (std::size_t t = 0; t < trained_.size(); ++t)
        place_[static_cast<std::size_t>(trained_[t])] = static_cast<int>(t);
}

RowFingerprints ViewRows::names(const Dataset& dataset) const {
    RowFingerprints names;
    for (const ImageFile& image : dataset.images) names.push_back(image.pixels());
    Augment changes = augment_;
    changes.views = 1;
    const std::string what = augment_name(changes);
    for (int row = images(); row < count(); ++row)
        names.push_back(Fingerprint()
                            .add(names[static_cast<std::size_t>(image(row))])
                            .add(kAugmentVersion)
                            .add(what)
                            .add(std::to_string(seed_))
                            .add(std::to_string(view(row)))
                            .hex());
    return names;
}

EpochPixels::EpochPixels(const ArrayFile& array, const Dataset& dataset, const Trial& trial)
    : array_(array), dataset_(dataset), trial_(trial), rows_(dataset, trial) {
    if (array.rows() != rows_.count())
        throw StageError("{} rows of decoded images where {} are wanted", array.rows(), rows_.count());
}

void EpochPixels::write(std::span<const int> images, int epoch, std::uint8_t* out) const {
    const auto bytes = static_cast<std::size_t>(array_.row_elements());
    for (const int image : images) {
        const auto* pixels = static_cast<const std::uint8_t*>(array_.row(rows_.row(image, epoch)));
        if (trial_.augment.fresh && epoch > 0) {
            const std::string& content = dataset_.images[static_cast<std::size_t>(image)].fingerprint;
            apply(draw(trial_.augment, trial_.seed, epoch, content, trial_.image_size), trial_.image_size, pixels, out);
        } else {
            std::memcpy(out, pixels, bytes);
        }
        out += bytes;
    }
}

}  // namespace thaw
