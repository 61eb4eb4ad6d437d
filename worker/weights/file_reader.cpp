#include "worker/weights/file_reader.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>

#include "common/util/error.hpp"

namespace thaw {

static_assert(std::endian::native == std::endian::little, "weight files are read as little-endian words");

FileReader::FileReader(const std::filesystem::path& path)
    : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (descriptor_ < 0) throw UserError("cannot be opened: {}", std::strerror(errno));
    struct stat status {};
    if (::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode)) {
        size_ = static_cast<std::uint64_t>(status.st_size);
        return;
    }
    ::close(descriptor_);
    throw UserError("is not a regular file; name the weight file itself");
}

FileReader::~FileReader() {
    ::close(descriptor_);
}

void FileReader::require(std::uint64_t offset, std::uint64_t count) const {
    if (!holds(offset, count))
        throw UserError(
            "ends too early: {} bytes are needed at byte {}, the file has {}; it is truncated or damaged, "
            "fetch it again",
            count, offset, size_);
}

void FileReader::read_into(void* to, std::uint64_t offset, std::uint64_t count) const {
    char* at = static_cast<char*>(to);
    while (count > 0) {
        const ssize_t got = ::pread(descriptor_, at, count, static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw UserError("cannot be read at byte {}: {}", offset, std::strerror(errno));
        if (got == 0) throw UserError("became shorter while it was read");
        at += got;
        offset += static_cast<std::uint64_t>(got);
        count -= static_cast<std::uint64_t>(got);
    }
}

std::vector<std::byte> FileReader::read(std::uint64_t offset, std::uint64_t count) const {
    require(offset, count);
    std::vector<std::byte> bytes(count);
    read_into(bytes.data(), offset, count);
    return bytes;
}

std::string FileReader::read_text(std::uint64_t offset, std::uint64_t count) const {
    require(offset, count);
    std::string text(count, '\0');
    read_into(text.data(), offset, count);
    return text;
}

std::uint64_t FileReader::read_uint64(std::uint64_t offset) const {
    std::uint64_t value = 0;
    require(offset, sizeof value);
    read_into(&value, offset, sizeof value);
    return value;
}

MappedFile::MappedFile(const FileReader& file) {
    void* at = ::mmap(nullptr, file.size(), PROT_READ, MAP_PRIVATE, file.descriptor_, 0);
    if (at == MAP_FAILED) throw UserError("cannot be mapped: {}", std::strerror(errno));
    bytes_ = {static_cast<const std::byte*>(at), file.size()};
}

MappedFile::~MappedFile() {
    ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace thaw
