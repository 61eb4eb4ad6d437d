#include "results/query/find_results.hpp"

#include "common/util/error.hpp"

namespace thaw {

namespace fs = std::filesystem;

fs::path find_results(const std::string& run, const std::string& runs) {
    for (const fs::path& candidate : {fs::path(runs) / run / "results.db", fs::path(run) / "results.db", fs::path(run)})
        if (fs::is_regular_file(candidate) && candidate.extension() == ".db") return candidate;
    throw UserError("no results for '{}': neither {}/{}/results.db nor {}/results.db is there; `thaw run` makes them",
                    run, runs, run, run);
}

}  // namespace thaw
