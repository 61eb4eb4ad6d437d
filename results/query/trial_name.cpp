#include "results/query/trial_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "common/util/error.hpp"
#include "common/util/nearest.hpp"
#include "results/query/leaderboard.hpp"

namespace thaw {
namespace {

constexpr std::size_t kMostListedTrials = 10;

/// At most so many ids that begin so; the one that is no more than this beginning, alone.
std::vector<std::string> ids_that_begin(const Database& database, const std::string& beginning, std::size_t most) {
    Statement rows =
        database.prepare("SELECT id FROM trials WHERE id >= ?1 AND id < ?1 || char(0x10ffff) ORDER BY id LIMIT ?2");
    rows.with(beginning, static_cast<std::int64_t>(most));
    std::vector<std::string> ids;
    while (rows.step()) ids.push_back(rows.text(0));
    if (!ids.empty() && ids.front() == beginning) ids.resize(1);
    return ids;
}

/// Among ids that share the first digits, as far as there are any.
std::string nearest_id(const Database& database, const std::string& word) {
    constexpr std::size_t kCompared = 1000;
    for (std::size_t digits = word.size(); digits-- > 0;) {
        const auto ids = ids_that_begin(database, word.substr(0, digits), kCompared);
        if (!ids.empty()) return did_you_mean(word, ids);
    }
    return "";
}

}  // namespace

std::string find_trial(const Database& database, const std::string& beginning) {
    if (beginning.empty()) throw UserError("a trial is named by the first digits of its id, found none");
    const std::vector<std::string> ids = ids_that_begin(database, beginning, kMostListedTrials + 1);
    if (ids.size() == 1) return ids.front();
    if (ids.empty())
        throw UserError("no trial's id begins with '{}'{}; `thaw query RUN` lists the best ones", beginning,
                        nearest_id(database, beginning));
    std::string list;
    for (std::size_t i = 0; i < std::min(kMostListedTrials, ids.size()); ++i)
        list += fmt::format("\n  {}  {}", ids[i], describe_trial(database, ids[i]));
    throw UserError("several trials' ids begin with '{}'; give more digits:{}{}", beginning, list,
                    ids.size() > kMostListedTrials ? "\n  and more" : "");
}

std::string describe_trial(const Database& database, const std::string& id) {
    Statement row = database.prepare(fmt::format("SELECT {} FROM trials WHERE id = ?1", axis_columns()));
    row.with(id);
    if (!row.step()) return "";
    const AxisValues values = read_axes(row, 0);
    const std::vector<std::size_t> varying = varying_axes(database);
    return describe(values, varying.empty() ? std::vector<std::size_t>{kBackboneAxis} : varying);
}

}  // namespace thaw
