#include "results/store/predictions.hpp"

namespace thaw {

std::string packed_classes(const std::vector<int>& predicted) {
    std::string bytes;
    bytes.reserve(2 * predicted.size());
    for (const int label : predicted) {
        bytes.push_back(static_cast<char>(label & 0xff));
        bytes.push_back(static_cast<char>(label >> 8 & 0xff));
    }
    return bytes;
}

std::vector<int> unpacked_classes(const std::string& bytes) {
    std::vector<int> predicted;
    predicted.reserve(bytes.size() / 2);
    for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) {
        const int label = static_cast<unsigned char>(bytes[at]) | static_cast<unsigned char>(bytes[at + 1]) << 8;
        predicted.push_back(label >= 0xfffe ? label - 0x10000 : label);  // -1 and -2: unreadable, of another fold
    }
    return predicted;
}

}  // namespace thaw
