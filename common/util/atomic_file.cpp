#include "common/util/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

#include "common/util/storage.hpp"

namespace thaw {
namespace {

[[noreturn]] void throw_errno(const std::filesystem::path& path) {
    throw std::system_error(errno, std::generic_category(), path.string());
}

/// `bytes` were not written.
[[noreturn]] void throw_unwritten(const std::filesystem::path& path, std::size_t bytes) {
    const int code = errno;
    throw std::system_error(code, std::generic_category(),
                            is_storage_code(code) ? room_text(path, static_cast<std::int64_t>(bytes)) : path.string());
}

std::filesystem::path temporary_name(const std::filesystem::path& path) {
    static std::atomic<unsigned> counter{0};
    return path.parent_path() / fmt::format(".{}.{}.{}.tmp", path.filename().string(), ::getpid(), counter++);
}

/// Whether something is there that is neither a file nor a folder: a device, a FIFO, the pipe behind /dev/stdout.
bool is_special(const std::filesystem::path& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

/// Where a link leads in the end, whether that is there yet or not.
std::filesystem::path behind_links(std::filesystem::path path) {
    constexpr int kMostLinks = 40;  // as in the kernel, which then says what is wrong
    std::error_code none;
    for (int i = 0; i < kMostLinks && std::filesystem::is_symlink(path, none); ++i)
        path = path.parent_path() / std::filesystem::read_symlink(path, none);
    if (!std::filesystem::is_symlink(path, none)) return path;
    errno = ELOOP;
    throw_errno(path);
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
    if (is_special(path_)) {
        descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    } else {
        path_ = behind_links(path_);
        temporary_ = temporary_name(path_);
        descriptor_ = ::open(temporary_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
    }
    if (descriptor_ < 0) throw_errno(path_);
}

AtomicFile::~AtomicFile() {
    if (descriptor_ < 0) return;
    ::close(descriptor_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, std::size_t bytes) {
    const char* at = static_cast<const char*>(data);
    while (bytes > 0) {
        const ssize_t written = ::write(descriptor_, at, bytes);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw_unwritten(path_, bytes);
        at += written;
        bytes -= static_cast<std::size_t>(written);
    }
}

void AtomicFile::write_at(std::size_t offset, const void* data, std::size_t bytes) {
    const char* at = static_cast<const char*>(data);
    while (bytes > 0) {
        const ssize_t written = ::pwrite(descriptor_, at, bytes, static_cast<off_t>(offset));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw_unwritten(path_, bytes);
        at += written;
        offset += static_cast<std::size_t>(written);
        bytes -= static_cast<std::size_t>(written);
    }
}

void AtomicFile::commit(bool synced) {
    if (temporary_.empty()) {
        if (::close(std::exchange(descriptor_, -1)) != 0) throw_errno(path_);
        return;
    }
    if (synced && ::fsync(descriptor_) != 0) throw_errno(path_);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw_errno(path_);
    ::close(descriptor_);
    descriptor_ = -1;
    if (!synced) return;
    // The rename itself must survive a power cut: sync the folder that holds the name.
    const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
    const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        ::fsync(directory);
        ::close(directory);
    }
}

std::string read_file(const std::filesystem::path& path) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file) throw_errno(path);
    std::string text;
    char block[1 << 16];
    while (file.read(block, sizeof block), file.gcount() > 0)
        text.append(block, static_cast<std::size_t>(file.gcount()));
    if (file.bad()) throw_errno(path);
    return text;
}

void remove_unfinished_files(const std::filesystem::path& folder) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with('.') && name.ends_with(".tmp")) std::filesystem::remove(entry.path(), ignored);
    }
}

void write_file(const std::filesystem::path& path, std::string_view text) {
    AtomicFile file(path);
    file.write(text);
    file.commit();
}

}  // namespace thaw
