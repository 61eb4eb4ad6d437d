#include "worker/cache/array_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "common/util/error.hpp"
#include "common/util/storage.hpp"

namespace thaw {
namespace {

struct Header {
    char magic[8];
    std::int64_t rows;
    std::int64_t row_elements;
    std::int64_t element_bytes;
    std::uint64_t checksum;  // of the fields above and the data
    std::uint8_t padding[24];
};
static_assert(sizeof(Header) == kArrayHeaderBytes);
constexpr char kMagic[9] = "THAWARR1";  // the digit is the version

/// The size of the whole file; -1 for a shape that no file can have.
std::int64_t file_bytes(const Header& header) {
    std::int64_t elements = 0, bytes = 0;
    if (header.rows < 0 || header.row_elements < 0 || (header.element_bytes != 1 && header.element_bytes != 4))
        return -1;
    if (__builtin_mul_overflow(header.rows, header.row_elements, &elements) ||
        __builtin_mul_overflow(elements, header.element_bytes, &bytes) ||
        __builtin_add_overflow(bytes, static_cast<std::int64_t>(sizeof(Header)), &bytes))
        return -1;
    return bytes;
}

std::uint64_t checksum(const void* mapping, std::size_t bytes) {
    const XXH64_hash_t shape = XXH3_64bits(mapping, offsetof(Header, checksum));
    return XXH3_64bits_withSeed(static_cast<const char*>(mapping) + sizeof(Header), bytes - sizeof(Header), shape);
}

std::string error_text(int code) {
    return std::generic_category().message(code);
}

[[noreturn]] void throw_errno(const std::filesystem::path& path) {
    const int code = errno;
    const std::string text = fmt::format("{}: {}", path.string(), error_text(code));
    if (is_storage_code(code)) throw StorageError(text);
    throw StageError(text);
}

/// Takes the disk space now. Compares with what is free first: filling the disk to find out would hurt others on it.
void allocate(int descriptor, const std::filesystem::path& path, std::int64_t bytes) {
    std::error_code ignored;
    const auto available = [&] { return std::filesystem::space(path.parent_path(), ignored).available; };
    const bool fits = bytes >= 0 && static_cast<std::uintmax_t>(bytes) <= available();
    const int error = fits ? ::posix_fallocate(descriptor, 0, bytes) : ENOSPC;
    if (is_storage_code(error))
        throw StorageError("{}: no room on this disk: {} bytes needed, {} free ({})", path.string(), bytes, available(),
                           error_text(error));
    if (error) throw StageError("{}: cannot reserve {} bytes: {}", path.string(), bytes, error_text(error));
}

}  // namespace

ArrayFile::ArrayFile(const std::filesystem::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) throw StageError("{}: {}", path.string(), error_text(errno));
    struct stat status {};
    Header header{};
    const bool read = ::fstat(descriptor, &status) == 0 && ::read(descriptor, &header, sizeof header) == sizeof header;
    const bool whole =
        read && std::memcmp(header.magic, kMagic, sizeof header.magic) == 0 && file_bytes(header) == status.st_size;
    void* mapping =
        whole ? ::mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_SHARED, descriptor, 0)
              : MAP_FAILED;
    const int error = errno;
    ::close(descriptor);
    if (!whole) throw StageError("{}: not a whole array file; remove it and it is made again", path.string());
    if (mapping == MAP_FAILED) throw StageError("{}: cannot be mapped: {}", path.string(), error_text(error));
    mapping_ = mapping;
    mapping_bytes_ = static_cast<std::size_t>(status.st_size);
    rows_ = header.rows;
    row_elements_ = header.row_elements;
    element_bytes_ = static_cast<int>(header.element_bytes);
}

ArrayFile::~ArrayFile() {
    if (mapping_) ::munmap(mapping_, mapping_bytes_);
}

ArrayFile::ArrayFile(ArrayFile&& other) noexcept
    : mapping_(std::exchange(other.mapping_, nullptr)),
      mapping_bytes_(other.mapping_bytes_),
      rows_(other.rows_),
      row_elements_(other.row_elements_),
      element_bytes_(other.element_bytes_) {}

ArrayFile& ArrayFile::operator=(ArrayFile&& other) noexcept {
    std::swap(mapping_, other.mapping_);
    std::swap(mapping_bytes_, other.mapping_bytes_);
    std::swap(rows_, other.rows_);
    std::swap(row_elements_, other.row_elements_);
    std::swap(element_bytes_, other.element_bytes_);
    return *this;
}

const void* ArrayFile::row(std::int64_t index) const {
    THAW_CHECK(index >= 0 && index < rows_, "row {} of {}", index, rows_);
    return static_cast<const std::uint8_t*>(mapping_) + sizeof(Header) + index * row_elements_ * element_bytes_;
}

const std::uint8_t* ArrayFile::bytes() const {
    THAW_CHECK(element_bytes_ == 1, "bytes() of an array of {}-byte elements", element_bytes_);
    return static_cast<const std::uint8_t*>(mapping_) + sizeof(Header);
}

const float* ArrayFile::floats() const {
    THAW_CHECK(element_bytes_ == 4, "floats() of an array of {}-byte elements", element_bytes_);
    return reinterpret_cast<const float*>(static_cast<const std::uint8_t*>(mapping_) + sizeof(Header));
}

bool ArrayFile::verify() const {
    return static_cast<const Header*>(mapping_)->checksum == checksum(mapping_, mapping_bytes_);
}

ArrayFileWriter::ArrayFileWriter(std::filesystem::path path, std::int64_t rows, std::int64_t row_elements,
                                 int element_bytes)
    : path_(std::filesystem::absolute(path)), rows_(rows), row_elements_(row_elements), element_bytes_(element_bytes) {
    static std::atomic<unsigned> counter{0};
    Header header{{}, rows, row_elements, element_bytes, 0, {}};
    std::memcpy(header.magic, kMagic, sizeof header.magic);
    const std::int64_t bytes = file_bytes(header);
    THAW_CHECK(rows >= 0 && row_elements >= 0 && (element_bytes == 1 || element_bytes == 4),
               "an array of [{}, {}] elements of {} bytes", rows, row_elements, element_bytes);
    temporary_ = path_.parent_path() / fmt::format(".{}.{}.{}.tmp", path_.filename().string(), ::getpid(), counter++);
    descriptor_ = ::open(temporary_.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
    if (descriptor_ < 0) throw_errno(path_);
    try {
        allocate(descriptor_, path_, bytes);
        mapping_bytes_ = static_cast<std::size_t>(bytes);
        void* mapping = ::mmap(nullptr, mapping_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
        if (mapping == MAP_FAILED) throw StageError("{}: cannot be mapped: {}", path_.string(), error_text(errno));
        mapping_ = static_cast<std::uint8_t*>(mapping);
    } catch (...) {
        ::close(descriptor_);
        ::unlink(temporary_.c_str());
        throw;
    }
    std::memcpy(mapping_, &header, sizeof header);
}

ArrayFileWriter::~ArrayFileWriter() {
    if (mapping_) ::munmap(mapping_, mapping_bytes_);
    if (descriptor_ < 0) return;
    ::close(descriptor_);
    ::unlink(temporary_.c_str());
}

void* ArrayFileWriter::row(std::int64_t index) {
    THAW_CHECK(index >= 0 && index < rows_, "row {} of {}", index, rows_);
    return mapping_ + sizeof(Header) + index * row_elements_ * element_bytes_;
}

void ArrayFileWriter::commit() {
    reinterpret_cast<Header*>(mapping_)->checksum = checksum(mapping_, mapping_bytes_);
    if (::msync(mapping_, mapping_bytes_, MS_SYNC) != 0 || ::fsync(descriptor_) != 0 ||
        ::rename(temporary_.c_str(), path_.c_str()) != 0)
        throw_errno(path_);
    ::close(descriptor_);
    descriptor_ = -1;
    const int folder = ::open(path_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    ::fsync(folder);  // the rename itself must survive a power cut
    ::close(folder);
}

}  // namespace thaw
