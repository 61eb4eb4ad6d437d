// The element types weight files use, by their names in each format, and how each becomes float32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thaw {

struct ElementType {
    const char* torch_storage;  // "torch.HalfStorage"
    const char* safetensors;    // "F16"
    std::int64_t bytes;
    /// Converts `count` elements that stand `stride` elements apart.
    void (*to_float)(const std::byte* from, std::int64_t count, std::int64_t stride, float* to);
};

/// nullptr where there is none of that name.
const ElementType* find_torch_storage(std::string_view name);
const ElementType* find_safetensors_type(std::string_view name);
/// "F64, F32, ...", for messages.
std::string safetensors_type_names();

constexpr std::size_t kMostDimensions = 16;

/// The product of a shape's extents; throws UserError for a negative one, more than kMostDimensions, or an overflow.
std::int64_t element_count(const std::vector<std::int64_t>& shape);

}  // namespace thaw
