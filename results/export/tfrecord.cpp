#include "results/export/tfrecord.hpp"

#include <array>
#include <bit>
#include <type_traits>

namespace thaw {
namespace {

constexpr std::array<std::uint32_t, 256> kTable = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < table.size(); ++i) {
        std::uint32_t rest = i;
        for (int bit = 0; bit < 8; ++bit) rest = rest & 1 ? rest >> 1 ^ 0x82f63b78 : rest >> 1;
        table[i] = rest;
    }
    return table;
}();

/// The low byte first.
template <typename Number>
std::string little_endian(Number number) {
    std::string bytes;
    for (std::size_t i = 0; i < sizeof number; ++i) bytes += static_cast<char>(number >> (8 * i) & 0xff);
    return bytes;
}

std::string masked_checksum(std::string_view bytes) {
    return little_endian(std::rotr(crc32c(bytes), 15) + 0xa282ead8);
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
    std::uint32_t crc = ~0U;
    for (const char byte : bytes) crc = crc >> 8 ^ kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xff];
    return ~crc;
}

std::string tfrecord(std::string_view bytes) {
    const std::string length = little_endian(static_cast<std::uint64_t>(bytes.size()));
    return (length + masked_checksum(length)).append(bytes) + masked_checksum(bytes);
}

ProtoMessage& ProtoMessage::add(int field, std::int64_t value) {
    add_key(field, 0);
    add_varint(static_cast<std::uint64_t>(value));
    return *this;
}

ProtoMessage& ProtoMessage::add(int field, double value) {
    add_key(field, 1);
    bytes_ += little_endian(std::bit_cast<std::uint64_t>(value));
    return *this;
}

ProtoMessage& ProtoMessage::add_float(int field, float value) {
    add_key(field, 5);
    bytes_ += little_endian(std::bit_cast<std::uint32_t>(value));
    return *this;
}

ProtoMessage& ProtoMessage::add(int field, std::string_view text) {
    add_key(field, 2);
    add_varint(text.size());
    bytes_ += text;
    return *this;
}

void ProtoMessage::add_key(int field, int wire_type) {
    add_varint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(wire_type));
}

void ProtoMessage::add_varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
}

}  // namespace thaw
