// What models see of images where that is made when it is used: a window of rows at a time, for all who train side by
// side.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "common/trial/stage.hpp"
#include "common/util/parallel.hpp"
#include "worker/communicator/group.hpp"
#include "worker/heads/trajectory.hpp"

namespace thaw {

template <typename Element>
class RowWindow {
  public:
    struct Settings {
        std::int64_t images = 0;    // that there are
        std::int64_t elements = 0;  // of each one's row
        std::size_t each = 1;       // rows that one call of `compute` makes, or fewer
        int smallest = 1;           // rows that the window must hold
        int threads = 1;
        bool keeps_evaluation = false;  // rows of epoch 0 are the same each time: so much memory again is for them
        /// Makes the rows of these images in this epoch, one after the other; on several threads at once.
        std::function<void(std::span<const int> images, int epoch, Element* out)> compute;
    };

    explicit RowWindow(Settings settings)
        : settings_(std::move(settings)),
          row_bytes_(static_cast<std::size_t>(settings_.elements) * sizeof(Element)),
          window_rows_(std::max(settings_.smallest, rows_in_memory())),
          room_(settings_.keeps_evaluation
                    ? static_cast<int>(std::min<std::int64_t>(rows_in_memory(), settings_.images))
                    : 0),
          values_(std::make_unique_for_overwrite<Element[]>(
              static_cast<std::size_t>((std::int64_t{window_rows_} + room_) * settings_.elements))),
          places_(static_cast<std::size_t>(settings_.images)),
          kept_(places_.size(), -1) {}

    Rows<Element> rows() const { return {values_.get(), settings_.elements, places_.data()}; }
    int window_rows() const { return window_rows_; }

    /// Members of a group compute a share each, and get all.
    void load(std::span<const int> images, int epoch, Group* group) {
        missing_.clear();
        for (const int image : images) {
            int& place = places_[static_cast<std::size_t>(image)];
            place = epoch == 0 ? kept_[static_cast<std::size_t>(image)] : -1;
            if (place >= 0) continue;
            place = static_cast<int>(missing_.size());
            missing_.push_back(image);
        }
        if (missing_.empty()) return;
        const std::size_t each = settings_.each, batches = (missing_.size() + each - 1) / each;
        const auto [begin, end] = group ? group->share_of(batches) : std::pair{std::size_t{0}, batches};
        for_each_index(end - begin, settings_.threads, [&, from = begin](std::size_t batch) {
            const std::size_t first = (from + batch) * each;
            settings_.compute(std::span(missing_).subspan(first, std::min(each, missing_.size() - first)), epoch,
                              at(static_cast<int>(first)));
        });
        if (group) share(*group, batches);
        if (epoch == 0) keep();
    }

  private:
    int rows_in_memory() const { return static_cast<int>(kWindowBytes / static_cast<std::int64_t>(row_bytes_)); }
    Element* at(int place) { return values_.get() + std::int64_t{place} * settings_.elements; }

    void share(Group& group, std::size_t batches) {
        std::vector<std::size_t> begins;
        for (int member = 0; member <= group.size(); ++member)
            begins.push_back(std::min(group.share_of(batches, member).first * settings_.each, missing_.size()) *
                             row_bytes_);
        const std::span all(values_.get(), missing_.size() * static_cast<std::size_t>(settings_.elements));
        group.all_gather(std::as_writable_bytes(all), begins);
    }

    void keep() {
        for (const int image : missing_) {
            if (used_ == room_) return;
            int& place = places_[static_cast<std::size_t>(image)];
            const int to = window_rows_ + used_++;
            std::memcpy(at(to), at(place), row_bytes_);
            place = kept_[static_cast<std::size_t>(image)] = to;
        }
    }

    Settings settings_;
    std::size_t row_bytes_;
    int window_rows_, room_;
    int used_ = 0;                       // rows behind the window that are kept
    std::unique_ptr<Element[]> values_;  // the window's rows, then those that are kept
    std::vector<int> places_;            // of each image, as of the last load
    std::vector<int> kept_;              // of each image, where its row of epoch 0 is kept; -1: it is not
    std::vector<int> missing_;
};

}  // namespace thaw
