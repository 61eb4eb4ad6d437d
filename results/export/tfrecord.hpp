// TensorBoard's file format: records with checksums, and the few kinds of protocol-buffer fields that its messages use.
// Sources: https://github.com/tensorflow/tensorflow/blob/v2.16.1/tensorflow/core/lib/io/record_writer.h (records),
// https://protobuf.dev/programming-guides/encoding (fields); the checksum is Castagnoli's, RFC 3720, B.4.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace thaw {

/// CRC-32C.
std::uint32_t crc32c(std::string_view bytes);

/// A record as it stands in the file: length, its masked checksum, the bytes, theirs.
std::string tfrecord(std::string_view bytes);

/// A message, put together field by field.
class ProtoMessage {
  public:
    ProtoMessage& add(int field, std::int64_t value);  // int32, int64, enum, bool
    ProtoMessage& add(int field, double value);
    ProtoMessage& add_float(int field, float value);
    ProtoMessage& add(int field, std::string_view text);  // string, bytes
    ProtoMessage& add(int field, const ProtoMessage& message) { return add(field, std::string_view(message.bytes_)); }
    const std::string& bytes() const { return bytes_; }

  private:
    void add_key(int field, int wire_type);
    void add_varint(std::uint64_t value);
    std::string bytes_;
};

}  // namespace thaw
