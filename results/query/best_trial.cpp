#include "results/query/best_trial.hpp"

#include "common/util/error.hpp"
#include "results/store/database.hpp"

namespace thaw {

std::optional<std::string> best_trial(const Database& database) {
    Statement best = database.prepare("SELECT best_trial FROM configurations LIMIT 1");
    if (!best.step()) return std::nullopt;
    return best.text(0);
}

std::string best_trial(const std::filesystem::path& path) {
    const std::optional<std::string> best = best_trial(open_results(path));
    if (!best) throw UserError("{}: no trial has finished yet", path.string());
    return *best;
}

}  // namespace thaw
