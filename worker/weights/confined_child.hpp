// Code that may crash, hang or be taken over by what it reads, in a process of its own that can do nothing but compute
// and write its answer into a pipe.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>

namespace thaw {

struct ChildLimits {
    std::uint64_t memory_bytes = 0;  // more than this process has
    unsigned seconds = 0;            // of computing, and without a word
};

class ConfinedChild {
  public:
    /// `work` writes its answer to the descriptor it is given. It runs in a copy of this process: what it changes is
    /// seen by nobody. Files cannot be opened in it.
    ConfinedChild(const ChildLimits& limits, const std::function<void(int)>& work);
    ~ConfinedChild();
    ConfinedChild(const ConfinedChild&) = delete;
    ConfinedChild& operator=(const ConfinedChild&) = delete;

    /// The answer's next bytes; throws UserError, which says how the child ended, where they do not come.
    void read(void* to, std::size_t bytes);

  private:
    [[noreturn]] void explain_end();

    pid_t child_ = -1;
    int pipe_ = -1;
    unsigned seconds_;
};

/// All of it, or the process ends: for `work`.
void write_or_exit(int descriptor, const void* from, std::size_t bytes);

}  // namespace thaw
