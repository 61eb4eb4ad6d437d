#include "worker/heads/class_weights.hpp"

namespace thaw {

std::vector<double> class_weights(const ClassWeights& weights, const std::vector<std::string>& classes,
                                  std::span<const int> labels) {
    if (weights.none()) return {};
    std::vector<double> result(classes.size(), 1.0);
    if (weights.balanced) {
        std::vector<double> images(classes.size(), 0.0);
        for (const int label : labels) ++images[static_cast<std::size_t>(label)];
        const double even = static_cast<double>(labels.size()) / static_cast<double>(classes.size());
        for (std::size_t c = 0; c < classes.size(); ++c)
            if (images[c] > 0) result[c] = even / images[c];
        return result;
    }
    for (std::size_t c = 0; c < classes.size(); ++c)
        if (const auto found = weights.by_class.find(classes[c]); found != weights.by_class.end())
            result[c] = found->second;
    return result;
}

}  // namespace thaw
