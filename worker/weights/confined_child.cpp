#include "worker/weights/confined_child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>

#include "common/util/error.hpp"

namespace thaw {
namespace {

constexpr int kAnswer = 3;  // the child's end of the pipe, its only descriptor behind the three standard ones

/// Bytes of address space this process has taken.
std::uint64_t taken_memory() {
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void limit(__rlimit_resource what, std::uint64_t amount) {
    rlimit now{};
    ::getrlimit(what, &now);
    if (now.rlim_cur > amount) now.rlim_cur = amount;
    ::setrlimit(what, &now);
}

/// Of system calls only those that compute: memory that is not code, and the pipe. Where the kernel knows no filters
/// the other limits must do.
void allow_only_computing() {
    scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter) return;
    for (const int call : {SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(rt_sigreturn),
                           SCMP_SYS(rt_sigprocmask), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(exit),
                           SCMP_SYS(exit_group), SCMP_SYS(clock_gettime), SCMP_SYS(getrandom)})
        ::seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
    for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect), SCMP_SYS(mremap)})
        ::seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    ::seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, kAnswer));
    ::seccomp_load(filter);
}

/// In the child. Its crash is no news for handlers that were made for this process.
void confine(int answer, const ChildLimits& limits, std::uint64_t taken) {
    for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (answer != kAnswer) ::dup2(answer, kAnswer);
    const int nothing = ::open("/dev/null", O_RDWR);
    for (const int standard : {0, 1, 2}) ::dup2(nothing, standard);
    ::close_range(kAnswer + 1, ~0U, 0);
    ::prctl(PR_SET_DUMPABLE, 0);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, limits.seconds);
    limit(RLIMIT_AS, taken + limits.memory_bytes);
    allow_only_computing();
}

}  // namespace

ConfinedChild::ConfinedChild(const ChildLimits& limits, const std::function<void(int)>& work)
    : seconds_(limits.seconds) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw UserError("cannot be read: no pipe: {}", std::strerror(errno));
    pipe_ = ends[0];
    const std::uint64_t taken = taken_memory();
    child_ = ::fork();
    if (child_ < 0) {
        const int error = errno;
        ::close(ends[0]);
        ::close(ends[1]);
        throw UserError("cannot be read: no process to read it in: {}", std::strerror(error));
    }
    if (child_ == 0) {
        confine(ends[1], limits, taken);
        try {
            work(kAnswer);
        } catch (...) {
            ::_exit(1);
        }
        ::_exit(0);
    }
    ::close(ends[1]);
}

ConfinedChild::~ConfinedChild() {
    ::close(pipe_);
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

void ConfinedChild::read(void* to, std::size_t bytes) {
    char* at = static_cast<char*>(to);
    while (bytes > 0) {
        pollfd waiting{pipe_, POLLIN, 0};
        // Longer than it may compute: it may not have a core to itself.
        const int ready = ::poll(&waiting, 1, static_cast<int>(seconds_ * 10 * 1000));
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0) throw UserError("damaged or hostile: reading it did not end in {} s", seconds_ * 10);
        const ssize_t got = ::read(pipe_, at, bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) explain_end();
        at += got;
        bytes -= static_cast<std::size_t>(got);
    }
}

void ConfinedChild::explain_end() {
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    child_ = -1;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        throw UserError("damaged or hostile: reading it did not end in {} s", seconds_);
    if (WIFSIGNALED(status))
        throw UserError("damaged or hostile: reading it ended by {}", ::strsignal(WTERMSIG(status)));
    throw UserError("damaged or hostile: reading it ended early, with code {}", WEXITSTATUS(status));
}

void write_or_exit(int descriptor, const void* from, std::size_t bytes) {
    const char* at = static_cast<const char*>(from);
    while (bytes > 0) {
        const ssize_t written = ::write(descriptor, at, bytes);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) ::_exit(1);
        at += written;
        bytes -= static_cast<std::size_t>(written);
    }
}

}  // namespace thaw
