#include "results/store/writer_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/util/error.hpp"

namespace thaw {
namespace {

// Locks of the open file description: unlike plain POSIX locks, they also keep apart two writers in one process, and
// unlike flock() they can be looked at without being taken.
struct flock whole_file() {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

std::string lock_path(const std::filesystem::path& database) {
    return database.string() + ".lock";
}

std::string holder(int descriptor) {
    std::array<char, 256> text{};
    const ssize_t bytes = ::pread(descriptor, text.data(), text.size(), 0);
    return bytes > 0 ? std::string(text.data(), static_cast<std::size_t>(bytes)) : "a process that has just started";
}

}  // namespace

WriterLock::WriterLock(const std::filesystem::path& database) {
    const std::string path = lock_path(database);
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0)
        throw UserError("cannot write {}: {}; results need a folder that exists and is writable for you", path,
                        std::strerror(errno));
    struct flock lock = whole_file();
    if (::fcntl(descriptor_, F_OFD_SETLK, &lock) != 0) {
        const int error = errno;
        const std::string who = holder(descriptor_);
        ::close(descriptor_);
        if (error == EAGAIN || error == EACCES)
            throw UserError("{} is being written by another thaw run, {}; wait until it ends, or stop it",
                            database.string(), who);
        throw UserError("cannot lock {}: {}; results need a file system with file locks", path, std::strerror(error));
    }
    std::array<char, 128> host{};
    ::gethostname(host.data(), host.size() - 1);
    const std::string who = fmt::format("process {} on {}", ::getpid(), host.data());
    const bool written = ::ftruncate(descriptor_, 0) == 0 &&
                         ::pwrite(descriptor_, who.data(), who.size(), 0) == static_cast<ssize_t>(who.size());
    if (!written) {
        const int error = errno;
        ::close(descriptor_);
        throw UserError("cannot write {}: {}", path, std::strerror(error));
    }
}

WriterLock::~WriterLock() {
    ::close(descriptor_);
}

std::optional<std::string> current_writer(const std::filesystem::path& database) {
    const int descriptor = ::open(lock_path(database).c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return std::nullopt;
    struct flock lock = whole_file();
    std::optional<std::string> writer;
    if (::fcntl(descriptor, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) writer = holder(descriptor);
    ::close(descriptor);
    return writer;
}

}  // namespace thaw
