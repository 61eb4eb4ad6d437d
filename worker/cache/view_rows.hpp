// Which row of an array is what an epoch sees of an image: the data set's images come first, and where a trial has
// fixed views, the changed views of its training images follow.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/trial/trial.hpp"
#include "worker/cache/cached_array.hpp"
#include "worker/data/image_folder.hpp"

namespace thaw {

/// The images that a trial may be trained on, in their order: those of the part `train`; of one fold of several, all
/// but the test images, so that all folds share their views.
std::vector<int> trained_images(const Dataset& dataset, bool folds);

/// View v of the t-th of T trained images is row images + v * T + t.
class ViewRows {
  public:
    ViewRows(const Dataset& dataset, const Trial& trial);

    int images() const { return static_cast<int>(place_.size()); }
    int views() const { return views_; }
    int count() const { return images() + views_ * static_cast<int>(trained_.size()); }

    /// The row of what epoch `epoch` (from 1) sees of a trained image; epoch 0: the image as it is.
    int row(int image, int epoch) const {
        const int place = place_[static_cast<std::size_t>(image)];
        if (epoch == 0 || views_ == 0 || place < 0) return image;
        return images() + (epoch - 1) % views_ * static_cast<int>(trained_.size()) + place;
    }
    /// Of a row behind the images: the image, and which of its views (from 0) it is.
    int image(int row) const { return trained_[static_cast<std::size_t>(row - images()) % trained_.size()]; }
    int view(int row) const { return (row - images()) / static_cast<int>(trained_.size()); }

    /// What names all rows: a view by its image and all that decides the change, so that arrays with more views, of
    /// more images or none at all have rows to give to each other.
    RowFingerprints names(const Dataset& dataset) const;

  private:
    Augment augment_;
    std::uint64_t seed_;
    int views_;
    std::vector<int> trained_;
    std::vector<int> place_;  // of each image among the trained ones; -1: it is not trained on
};

/// The pixels that epochs see, from an array of decoded images with the trial's views; changed on the way where every
/// epoch draws anew.
class EpochPixels {
  public:
    /// What it is made of must outlive it.
    EpochPixels(const ArrayFile& array, const Dataset& dataset, const Trial& trial);

    /// Of these images, one after the other, each [s, s, 3]. Epoch 0: as they are.
    void write(std::span<const int> images, int epoch, std::uint8_t* out) const;

  private:
    const ArrayFile& array_;
    const Dataset& dataset_;
    const Trial& trial_;
    ViewRows rows_;
};

}  // namespace thaw
