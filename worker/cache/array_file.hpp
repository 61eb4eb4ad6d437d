// Arrays on disk: a read-only, memory-mapped, checksummed [rows, row_elements] file, for decoded images and features.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <vector>

namespace thaw {

/// The data start here in the file, so that they are aligned for any vector unit.
constexpr std::int64_t kArrayHeaderBytes = 64;

class ArrayFile {
  public:
    /// Maps the file and checks header and size (not the checksum, see verify). Throws StageError where it is damaged.
    explicit ArrayFile(const std::filesystem::path& path);
    ~ArrayFile();
    ArrayFile(ArrayFile&& other) noexcept;
    ArrayFile& operator=(ArrayFile&& other) noexcept;

    std::int64_t rows() const { return rows_; }
    std::int64_t row_elements() const { return row_elements_; }
    int element_bytes() const { return element_bytes_; }
    const void* row(std::int64_t index) const;
    const std::uint8_t* bytes() const;  // element size 1
    const float* floats() const;        // element size 4
    /// The bytes of these rows, one after the other; Index is an integer type.
    template <typename Index>
    std::vector<std::uint8_t> gather(std::span<const Index> rows) const {
        const auto bytes = static_cast<std::size_t>(row_elements_ * element_bytes_);
        std::vector<std::uint8_t> gathered(bytes * rows.size());
        for (std::size_t i = 0; i < rows.size(); ++i) std::memcpy(gathered.data() + i * bytes, row(rows[i]), bytes);
        return gathered;
    }
    /// Reads it all and compares with the stored checksum.
    bool verify() const;

  private:
    void* mapping_ = nullptr;
    std::size_t mapping_bytes_ = 0;
    std::int64_t rows_ = 0, row_elements_ = 0;
    int element_bytes_ = 0;
};

/// Writes such a file. Rows start as zeros and may be filled by several threads at once (distinct rows); commit()
/// computes the checksum, syncs and renames. Without commit() nothing remains. All the disk space is taken at
/// construction, so that a full disk is a StageError with the bytes needed and free, not a SIGBUS in the middle.
class ArrayFileWriter {
  public:
    ArrayFileWriter(std::filesystem::path path, std::int64_t rows, std::int64_t row_elements, int element_bytes);
    ~ArrayFileWriter();
    ArrayFileWriter(const ArrayFileWriter&) = delete;
    ArrayFileWriter& operator=(const ArrayFileWriter&) = delete;
    void* row(std::int64_t index);
    void commit();

  private:
    std::filesystem::path path_, temporary_;
    int descriptor_ = -1;
    std::uint8_t* mapping_ = nullptr;
    std::size_t mapping_bytes_ = 0;
    std::int64_t rows_, row_elements_;
    int element_bytes_;
};

}  // namespace thaw
