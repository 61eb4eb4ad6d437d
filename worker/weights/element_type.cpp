#include "worker/weights/element_type.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/util/error.hpp"

namespace thaw {
namespace {

struct Half {
    std::uint16_t bits;
    explicit operator float() const {
        const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16, magnitude = bits & 0x7fffu;
        // Subnormal halves are multiples of 2^-24; all others keep their mantissa and move the exponent's bias.
        if (magnitude < 0x0400) {
            const float value = static_cast<float>(magnitude) * 0x1p-24f;
            return sign ? -value : value;
        }
        const std::uint32_t bias = magnitude < 0x7c00 ? (127 - 15) << 23 : (255 - 31) << 23;
        return std::bit_cast<float>(sign | ((magnitude << 13) + bias));
    }
};

struct BrainFloat {
    std::uint16_t bits;
    explicit operator float() const { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
};

struct Boolean {
    std::uint8_t byte;
    explicit operator float() const { return byte ? 1.0f : 0.0f; }
};

template <typename Element>
float load(const std::byte* at) {
    Element element;
    std::memcpy(&element, at, sizeof element);
    return static_cast<float>(element);
}

template <typename Element>
void convert(const std::byte* from, std::int64_t count, std::int64_t stride, float* to) {
    constexpr std::int64_t size = sizeof(Element);
    if (stride == 1)
        for (std::int64_t i = 0; i < count; ++i) to[i] = load<Element>(from + i * size);
    else
        for (std::int64_t i = 0; i < count; ++i) to[i] = load<Element>(from + i * stride * size);
}

constexpr ElementType kTypes[] = {
    {"torch.DoubleStorage", "F64", 8, &convert<double>},
    {"torch.FloatStorage", "F32", 4, &convert<float>},
    {"torch.HalfStorage", "F16", 2, &convert<Half>},
    {"torch.BFloat16Storage", "BF16", 2, &convert<BrainFloat>},
    {"torch.LongStorage", "I64", 8, &convert<std::int64_t>},
    {"torch.IntStorage", "I32", 4, &convert<std::int32_t>},
    {"torch.ShortStorage", "I16", 2, &convert<std::int16_t>},
    {"torch.CharStorage", "I8", 1, &convert<std::int8_t>},
    {"torch.ByteStorage", "U8", 1, &convert<std::uint8_t>},
    {"torch.BoolStorage", "BOOL", 1, &convert<Boolean>},
};

const ElementType* find_type(const char* ElementType::*column, std::string_view name) {
    const auto* found = std::ranges::find_if(kTypes, [&](const ElementType& type) { return type.*column == name; });
    return found == std::end(kTypes) ? nullptr : found;
}

}  // namespace

const ElementType* find_torch_storage(std::string_view name) {
    return find_type(&ElementType::torch_storage, name);
}

const ElementType* find_safetensors_type(std::string_view name) {
    return find_type(&ElementType::safetensors, name);
}

std::string safetensors_type_names() {
    std::vector<const char*> names;
    for (const ElementType& type : kTypes) names.push_back(type.safetensors);
    return fmt::format("{}", fmt::join(names, ", "));
}

std::int64_t element_count(const std::vector<std::int64_t>& shape) {
    if (shape.size() > kMostDimensions)
        throw UserError("a tensor has {} dimensions; {} are the most there may be", shape.size(), kMostDimensions);
    std::int64_t count = 1;
    for (std::int64_t extent : shape)
        if (extent < 0 || __builtin_mul_overflow(count, extent, &count))
            throw UserError("a tensor's shape is impossible: [{}]", fmt::join(shape, ", "));
    return count;
}

}  // namespace thaw
