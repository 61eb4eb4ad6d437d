#include "coordinator/sweep/rules.hpp"

namespace thaw {
namespace {

constexpr std::size_t kMostRows = 10'000'000;

void check_rows(const Sweep& sweep, const Grid& grid, const Rule& rule) {
    if (grid.rows() > kMostRows)
        throw error_at(
            sweep.source, rule.place,
            "up to this rule, `when` and `exclude` cut the sweep into too many pieces; use fewer or broader rules");
}

}  // namespace

std::size_t apply_rules(const Sweep& sweep, ValueTable& table, Grid& grid) {
    std::size_t excluded = 0;
    for (const Rule& rule : sweep.when) {
        grid.replace(table.numbered(rule.matching), table.numbered(rule.then));
        check_rows(sweep, grid, rule);
    }
    for (const Rule& rule : sweep.exclude) {
        excluded += grid.drop(table.numbered(rule.matching));
        check_rows(sweep, grid, rule);
        if (grid.count() == 0)
            throw error_at(sweep.source, rule.place,
                           "with this rule, `exclude` drops every trial; nothing is left to run");
    }
    return excluded;
}

}  // namespace thaw
