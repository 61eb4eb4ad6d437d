#include "coordinator/scheduler.hpp"

#include <algorithm>
#include <functional>
#include <queue>

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
        ready_if_it_can(static_cast<int>(i));
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
    for (const int dependent : node(stage).dependents) {
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
    if (!node(stage).stage.gated) return actions;
    node(stage).stage.gated = false;
    ready_if_it_can(stage);
    dispatch(actions);
    return actions;
}

Actions Scheduler::skip(int stage) {
    Actions actions;
    if (node(stage).ended) return actions;
    THAW_CHECK(node(stage).stage.gated, "stage {} is skipped but has no gate that is closed", stage);
    end_dependents(stage, actions);
    end(stage, actions);
    dispatch(actions);
    return actions;
}

void Scheduler::ready_if_it_can(int stage) {
    const Node& asked = node(stage);
    if (asked.missing == 0 && !asked.stage.gated && !asked.ended) ready_.emplace(-asked.path, stage);
}

/// A list, since chains may be longer than a call stack.
std::vector<int> Scheduler::end_dependents(int stage, Actions& actions) {
    std::vector<int> ended = {stage};
    for (std::size_t i = 0; i < ended.size(); ++i) {
        for (const int dependent : node(ended[i]).dependents) {
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

double simulate(std::vector<StageNode> stages, int ranks, int threads) {
    std::vector<double> seconds;
    for (StageNode& stage : stages) {
        stage.gated = false;
        seconds.push_back(stage.seconds);
    }
    Scheduler scheduler(std::move(stages));
    using Ending = std::pair<double, int>;  // (seconds since the start, stage)
    std::priority_queue<Ending, std::vector<Ending>, std::greater<>> running;
    double now = 0;
    const auto start = [&](const Actions& actions) {
        for (const Action& action : actions)
            if (action.kind == Action::start)
                running.emplace(now + seconds[static_cast<std::size_t>(action.stage)], action.stage);
    };
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
