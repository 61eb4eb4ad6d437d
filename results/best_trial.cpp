#include "results/best_trial.hpp"

#include "common/error.hpp"
#include "results/database.hpp"

namespace thaw {

std::string best_trial(const std::filesystem::path& path) {
    const Database database = open_results(path);
    Statement best = database.prepare("SELECT trial FROM leaderboard ORDER BY rank LIMIT 1");
    if (!best.step()) throw UserError("{}: no trial has finished yet", path.string());
    return best.text(0);
}

}  // namespace thaw
