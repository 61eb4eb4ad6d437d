#include "coordinator/scheduler.hpp"

#include <algorithm>
#include <numeric>

#include "common/error.hpp"

namespace thaw {

Scheduler::Scheduler(const std::vector<StageNode>& stages) : nodes_(stages.size()) {
    link(stages);
    for (std::size_t i = stages.size(); i-- > 0;) {  // dependents have larger numbers: their paths are known
        Node& here = nodes_[i];
        const auto stage = static_cast<int>(i);
        for (const int dependent : dependents_.of(stage)) here.path = std::max(here.path, node(dependent).path);
        here.path += stages[i].seconds;
        here.whole_rank = stages[i].whole_rank;
        here.gated = stages[i].gated;
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

Actions Scheduler::rank_joined(int rank, int threads) {
    if (rank >= static_cast<int>(ranks_.size())) ranks_.resize(static_cast<std::size_t>(rank) + 1);
    ranks_[static_cast<std::size_t>(rank)] = {threads, 0};
    set_free(rank, threads);
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
    if (asked.missing == 0 && !asked.gated && !asked.ended) ready_.emplace(-asked.path, stage);
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

void Scheduler::free_threads(int stage) {
    Node& ended = node(stage);
    THAW_CHECK(ended.rank >= 0 && !ended.ended, "stage {} ended but does not run", stage);
    const Rank& rank = ranks_[static_cast<std::size_t>(ended.rank)];
    set_free(ended.rank, ended.whole_rank ? rank.threads : rank.free + 1);
    --running_;
}

void Scheduler::set_free(int rank, int free) {
    Rank& changed = ranks_[static_cast<std::size_t>(rank)];
    free_.erase({-changed.free, rank});
    changed.free = free;
    if (free > 0) free_.emplace(-free, rank);
}

/// Hands out ready stages while there are free threads. A whole-rank stage that finds no idle rank reserves the one
/// with the most free threads: nothing smaller is started there, so that it becomes idle.
void Scheduler::dispatch(Actions& actions) {
    if (stopped_) return;
    std::vector<std::pair<int, int>> reserved;  // entries taken out of free_ for this round
    std::vector<Ready> waiting;                 // the stages they are reserved for
    for (; !ready_.empty() && !free_.empty(); ready_.pop()) {
        const int stage = ready_.top().second;
        const auto [negative_free, rank] = *free_.begin();
        const int threads = ranks_[static_cast<std::size_t>(rank)].threads;
        if (node(stage).whole_rank && -negative_free < threads) {
            reserved.push_back(*free_.begin());
            free_.erase(free_.begin());
            waiting.push_back(ready_.top());
            continue;
        }
        set_free(rank, node(stage).whole_rank ? 0 : -negative_free - 1);
        node(stage).rank = rank;
        ++running_;
        actions.push_back({Action::start, stage, rank});
    }
    for (const Ready& stage : waiting) ready_.push(stage);
    free_.insert(reserved.begin(), reserved.end());
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
        start(scheduler.stage_done(stage));
    }
    THAW_CHECK(scheduler.finished(), "{} ranks of {} threads leave stages undone", ranks, threads);
    return now;
}

}  // namespace thaw
