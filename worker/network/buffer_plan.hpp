// Which buffer each value of a frozen pass lies in: one is used again when its value has been read for the last time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace thaw {

class BufferPlan {
  public:
    int take(std::size_t bytes) {
        // The smallest free one that is large enough; else the largest, which grows.
        const auto better = [&](int a, int b) {
            const std::size_t x = sizes_[at(a)], y = sizes_[at(b)];
            return (x >= bytes) != (y >= bytes) ? x >= bytes : x >= bytes ? x < y : x > y;
        };
        const auto best = std::min_element(free_.begin(), free_.end(), better);
        if (best == free_.end()) {
            sizes_.push_back(bytes);
            return static_cast<int>(sizes_.size()) - 1;
        }
        const int buffer = *best;
        free_.erase(best);
        sizes_[at(buffer)] = std::max(sizes_[at(buffer)], bytes);
        return buffer;
    }
    void give_back(int buffer) { free_.push_back(buffer); }
    const std::vector<std::size_t>& sizes() const { return sizes_; }

  private:
    static std::size_t at(int buffer) { return static_cast<std::size_t>(buffer); }
    std::vector<std::size_t> sizes_;
    std::vector<int> free_;
};

}  // namespace thaw
