// A file of known size, read at any place; asking for more than it holds is a UserError, never a large allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace thaw {

class FileReader {
  public:
    /// Throws UserError where `path` is no file that can be read.
    explicit FileReader(const std::filesystem::path& path);
    ~FileReader();
    FileReader(const FileReader&) = delete;
    FileReader& operator=(const FileReader&) = delete;

    std::uint64_t size() const { return size_; }
    /// True where [offset, offset + count) lies inside the file.
    bool holds(std::uint64_t offset, std::uint64_t count) const { return offset <= size_ && count <= size_ - offset; }
    std::vector<std::byte> read(std::uint64_t offset, std::uint64_t count) const;
    std::string read_text(std::uint64_t offset, std::uint64_t count) const;
    /// Little-endian, as all weight formats are.
    std::uint64_t read_uint64(std::uint64_t offset) const;

  private:
    friend class MappedFile;
    void read_into(void* to, std::uint64_t offset, std::uint64_t count) const;
    void require(std::uint64_t offset, std::uint64_t count) const;

    int descriptor_ = -1;
    std::uint64_t size_ = 0;
};

/// The whole file as memory, of which only what is looked at is read. Should the file become shorter, looking beyond
/// its end ends the process: for a child that may.
class MappedFile {
  public:
    explicit MappedFile(const FileReader& file);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    std::span<const std::byte> bytes() const { return bytes_; }

  private:
    std::span<const std::byte> bytes_;
};

}  // namespace thaw
