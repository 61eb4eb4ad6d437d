// What training changes in a model as one string of raw bytes: arrays one behind the other, each behind its size.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace thaw {

std::string join_state(const std::vector<std::string_view>& parts);
/// The parts of a joined state, which live as long as `state`. Throws StageError where they do not have `sizes`.
std::vector<std::string_view> split_state(std::string_view state, const std::vector<std::size_t>& sizes);

inline std::string_view bytes_of(const long& value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
}
template <typename T>
std::string_view bytes_of(const std::vector<T>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

/// `bytes` are as many as bytes_of() the target.
inline void copy_bytes(std::string_view bytes, long& to) {
    bytes.copy(reinterpret_cast<char*>(&to), sizeof to);
}
template <typename T>
void copy_bytes(std::string_view bytes, std::vector<T>& to) {
    bytes.copy(reinterpret_cast<char*>(to.data()), to.size() * sizeof(T));
}

}  // namespace thaw
