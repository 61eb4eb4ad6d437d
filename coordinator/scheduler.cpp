#include "coordinator/scheduler.hpp"

#include <algorithm>

#include "common/error.hpp"

namespace thaw {

Scheduler::Scheduler(std::vector<StageNode> stages) : nodes_(stages.size()) {
    for (std::size_t i = 0; i < stages.size(); ++i) {
        nodes_[i].stage = std::move(stages[i]);
        nodes_[i].missing = static_cast<int>(nodes_[i].stage.needs.size());
        for (const int need : nodes_[i].stage.needs) {
            THAW_CHECK(need >= 0 && need < static_cast<int>(i), "stage {} needs {}", i, need);
            node(need).dependents.push_back(static_cast<int>(i));
            ++node(need).waiting_readers;
        }
    }
    for (std::size_t i = nodes_.size(); i-- > 0;) {  // dependents have larger numbers: their paths are known
        for (const int dependent : nodes_[i].dependents)
            nodes_[i].path = std::max(nodes_[i].path, node(dependent).path);
        nodes_[i].path += nodes_[i].stage.seconds;
        if (nodes_[i].missing == 0) ready_.emplace(-nodes_[i].path, static_cast<int>(i));
    }
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
    for (const int dependent : node(stage).dependents)
        if (--node(dependent).missing == 0 && !node(dependent).ended) ready_.emplace(-node(dependent).path, dependent);
    end(stage, actions);
    dispatch(actions);
    return actions;
}

Actions Scheduler::stage_failed(int stage) {
    Actions actions;
    free_threads(stage);
    cancel_dependents(stage, actions);
    end(stage, actions);
    dispatch(actions);
    return actions;
}

/// All that hangs on the stage, however indirectly; a list, since chains may be longer than a call stack.
void Scheduler::cancel_dependents(int stage, Actions& actions) {
    std::vector<int> lost = {stage};
    for (std::size_t i = 0; i < lost.size(); ++i) {
        for (const int dependent : node(lost[i]).dependents) {
            if (node(dependent).ended) continue;
            actions.push_back({Action::cancel, dependent});
            end(dependent, actions);
            lost.push_back(dependent);
        }
    }
}

void Scheduler::end(int stage, Actions& actions) {
    node(stage).ended = true;
    ++ended_;
    if (node(stage).waiting_readers == 0) actions.push_back({Action::release, stage});
    for (const int need : node(stage).stage.needs)
        if (--node(need).waiting_readers == 0 && node(need).ended) actions.push_back({Action::release, need});
}

void Scheduler::free_threads(int stage) {
    Node& ended = node(stage);
    THAW_CHECK(ended.rank >= 0 && !ended.ended, "stage {} ended but does not run", stage);
    const Rank& rank = ranks_[static_cast<std::size_t>(ended.rank)];
    set_free(ended.rank, ended.stage.whole_rank ? rank.threads : rank.free + 1);
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
    for (auto next = ready_.begin(); next != ready_.end() && !free_.empty();) {
        const int stage = next->second;
        const auto [negative_free, rank] = *free_.begin();
        const int threads = ranks_[static_cast<std::size_t>(rank)].threads;
        if (node(stage).stage.whole_rank && -negative_free < threads) {
            reserved.push_back(*free_.begin());
            free_.erase(free_.begin());
            ++next;
            continue;
        }
        set_free(rank, node(stage).stage.whole_rank ? 0 : -negative_free - 1);
        node(stage).rank = rank;
        ++running_;
        actions.push_back({Action::start, stage, rank});
        next = ready_.erase(next);
    }
    free_.insert(reserved.begin(), reserved.end());
}

}  // namespace thaw
