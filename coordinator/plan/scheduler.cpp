#include "coordinator/plan/scheduler.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>

#include "common/util/error.hpp"

namespace thaw {

Scheduler::Scheduler(const std::vector<StageNode>& stages) : nodes_(stages.size()) {
    link(stages);
    for (std::size_t i = stages.size(); i-- > 0;) {  // dependents have larger numbers: their paths are known
        Node& here = nodes_[i];
        const auto stage = static_cast<int>(i);
        for (const int dependent : dependents_.of(stage)) here.path = std::max(here.path, node(dependent).path);
        here.path += stages[i].seconds;
        here.seconds = stages[i].seconds;
        here.ranks = stages[i].ranks;
        here.whole_rank = stages[i].whole_rank || stages[i].ranks > 1;
        here.gated = stages[i].gated;
        here.alone = stages[i].alone;
        here.missing = static_cast<int>(needs_.of(stage).size());
        here.waiting_readers = static_cast<int>(dependents_.of(stage).size());
        ready_if_it_can(stage);
    }
}

void Scheduler::link(const std::vector<StageNode>& stages) {
    needs_.begin.assign(stages.size() + 1, 0);
    dependents_.begin.assign(stages.size() + 1, 0);
    for (std::size_t i = 0; i < stages.size(); ++i) {
        for (const int need : stages[i].needs) {
            THAW_CHECK(need >= 0 && need < static_cast<int>(i), "stage {} needs {}", i, need);
            needs_.stages.push_back(need);
            ++dependents_.begin[static_cast<std::size_t>(need) + 1];
        }
        needs_.begin[i + 1] = needs_.stages.size();
    }
    std::partial_sum(dependents_.begin.begin(), dependents_.begin.end(), dependents_.begin.begin());
    dependents_.stages.resize(needs_.stages.size());
    std::vector<std::size_t> next = dependents_.begin;
    for (std::size_t i = 0; i < stages.size(); ++i)
        for (const int need : stages[i].needs)
            dependents_.stages[next[static_cast<std::size_t>(need)]++] = static_cast<int>(i);
}

Actions Scheduler::rank_joined(int index, int threads) {
    if (index >= static_cast<int>(ranks_.size())) ranks_.resize(static_cast<std::size_t>(index) + 1);
    rank(index) = {threads, threads};
    show(index);
    Actions actions;
    dispatch(actions);
    return actions;
}

Actions Scheduler::stage_done(int stage) {
    Actions actions;
    free_threads(stage);
    for (const int dependent : dependents_.of(stage)) {
        --node(dependent).missing;
        ready_if_it_can(dependent);
    }
    end(stage, actions);
    dispatch(actions);
    return actions;
}

Actions Scheduler::stage_failed(int stage) {
    Actions actions;
    free_threads(stage);
    Actions releases;
    for (const int lost : end_dependents(stage, releases)) actions.push_back({Action::cancel, lost});
    end(stage, releases);
    actions.insert(actions.end(), releases.begin(), releases.end());
    dispatch(actions);
    return actions;
}

Actions Scheduler::open(int stage) {
    Actions actions;
    if (!node(stage).gated) return actions;
    node(stage).gated = false;
    ready_if_it_can(stage);
    dispatch(actions);
    return actions;
}

Actions Scheduler::skip(int stage) {
    Actions actions;
    if (node(stage).ended) return actions;
    THAW_CHECK(node(stage).gated, "stage {} is skipped but has no gate that is closed", stage);
    end_dependents(stage, actions);
    end(stage, actions);
    dispatch(actions);
    return actions;
}

void Scheduler::ready_if_it_can(int stage) {
    const Node& asked = node(stage);
    if (asked.missing == 0 && !asked.gated && !asked.ended)
        (asked.alone ? ready_alone_ : ready_).emplace(-asked.path, stage);
}

/// A list, since chains may be longer than a call stack.
std::vector<int> Scheduler::end_dependents(int stage, Actions& actions) {
    std::vector<int> ended = {stage};
    for (std::size_t i = 0; i < ended.size(); ++i) {
        for (const int dependent : dependents_.of(ended[i])) {
            if (node(dependent).ended) continue;
            end(dependent, actions);
            ended.push_back(dependent);
        }
    }
    ended.erase(ended.begin());
    return ended;
}

void Scheduler::end(int stage, Actions& actions) {
    node(stage).ended = true;
    ++ended_;
    if (node(stage).waiting_readers == 0) actions.push_back({Action::release, stage});
    for (const int need : needs_.of(stage))
        if (--node(need).waiting_readers == 0 && node(need).ended) actions.push_back({Action::release, need});
}

std::vector<int> Scheduler::ranks_of(int stage) const {
    const auto group = groups_.find(stage);
    return group == groups_.end() ? std::vector{node(stage).rank} : group->second;
}

void Scheduler::free_threads(int stage) {
    Node& ended = node(stage);
    THAW_CHECK(ended.rank >= 0 && !ended.ended, "stage {} ended but does not run", stage);
    for (const int index : ranks_of(stage)) {
        hide(index);
        Rank& changed = rank(index);
        changed.free = ended.whole_rank ? changed.threads : changed.free + 1;
        if (is_idle(index)) changed.busy_until = 0;
        show(index);
    }
    groups_.erase(stage);
    one_runs_alone_ = false;
    --running_;
}

void Scheduler::hide(int index) {
    free_.erase({-rank(index).free, index});
    idle_.erase({rank(index).busy_until, index});
}

void Scheduler::show(int index) {
    if (rank(index).free > 0) free_.emplace(-rank(index).free, index);
    idle_.emplace(rank(index).busy_until, index);
}

std::vector<int> Scheduler::first_idle(int count) const {
    if (count > static_cast<int>(idle_.size())) return {};
    std::vector<int> found;
    for (auto at = idle_.begin(); static_cast<int>(found.size()) < count; ++at) found.push_back(at->second);
    return found;
}

void Scheduler::start(int stage, std::vector<int> ranks, Actions& actions) {
    Node& started = node(stage);
    for (const int index : ranks) {
        hide(index);
        Rank& changed = rank(index);
        changed.free = started.whole_rank ? 0 : changed.free - 1;
        changed.busy_until = std::max(changed.busy_until, now_ + started.seconds);
        show(index);
    }
    started.rank = *std::min_element(ranks.begin(), ranks.end());
    if (ranks.size() > 1) {
        std::sort(ranks.begin(), ranks.end());
        groups_[stage] = std::move(ranks);
    }
    ++running_;
    actions.push_back({Action::start, stage, started.rank});
}

void Scheduler::dispatch(Actions& actions) {
    if (one_runs_alone_) return;
    std::vector<Reservation> reserved;
    for (auto next = ready_.begin(); next != ready_.end() && !free_.empty();) {
        const int stage = next->second;
        const Node& wanted = node(stage);
        const std::vector<int> ranks =
            wanted.whole_rank ? first_idle(wanted.ranks) : std::vector{free_.begin()->second};
        const bool can_start =
            !wanted.whole_rank || std::all_of(ranks.begin(), ranks.end(), [this](int index) { return is_idle(index); });
        if (!ranks.empty() && can_start) {
            next = ready_.erase(next);
            start(stage, ranks, actions);
            continue;
        }
        double until = now_;
        for (const int index : ranks) until = std::max(until, rank(index).busy_until);
        for (const int index : ranks) {
            hide(index);
            reserved.push_back({index, until});
        }
        ++next;
    }
    fill(reserved, actions);
    for (const Reservation& reservation : reserved) {
        hide(reservation.rank);  // fill() has shown those where it started something
        show(reservation.rank);
    }
    if (running_ == 0 && ready_.empty()) start_alone(actions);
}

void Scheduler::start_alone(Actions& actions) {
    if (ready_alone_.empty()) return;
    const int stage = ready_alone_.begin()->second;
    std::vector<int> ranks = first_idle(node(stage).ranks);
    if (ranks.empty()) return;  // not so many have joined yet
    ready_alone_.erase(ready_alone_.begin());
    one_runs_alone_ = true;
    start(stage, std::move(ranks), actions);
}

/// Starts on reserved ranks the longest stages that are predicted to end in time.
void Scheduler::fill(const std::vector<Reservation>& reserved, Actions& actions) {
    constexpr int kTries = 8;  // stages that are short enough, but want what the rank does not have
    for (const auto& [index, until] : reserved) {
        auto next = ready_.lower_bound({now_ - until, 0});
        for (int tries = 0; tries < kTries && rank(index).free > 0 && next != ready_.end();) {
            const int stage = next->second;
            if (node(stage).ranks > 1 || (node(stage).whole_rank && !is_idle(index))) {
                ++next;
                ++tries;
                continue;
            }
            next = ready_.erase(next);
            start(stage, {index}, actions);
        }
    }
}

double simulate(const std::vector<StageNode>& stages, int ranks, int threads) {
    Scheduler scheduler(stages);
    using Ending = std::pair<double, int>;  // (seconds since the start, stage)
    std::priority_queue<Ending, std::vector<Ending>, std::greater<>> running;
    double now = 0;
    const auto start = [&](const Actions& actions) {
        for (const Action& action : actions)
            if (action.kind == Action::start)
                running.emplace(now + stages[static_cast<std::size_t>(action.stage)].seconds, action.stage);
    };
    for (std::size_t i = 0; i < stages.size(); ++i)
        if (stages[i].gated)
            stages[i].unlikely ? scheduler.skip(static_cast<int>(i)) : scheduler.open(static_cast<int>(i));
    for (int rank = 0; rank < ranks; ++rank) start(scheduler.rank_joined(rank, threads));
    while (!running.empty()) {
        const int stage = running.top().second;
        now = running.top().first;
        running.pop();
        scheduler.set_time(now);
        start(scheduler.stage_done(stage));
    }
    THAW_CHECK(scheduler.finished(), "{} ranks of {} threads leave stages undone", ranks, threads);
    return now;
}

}  // namespace thaw
