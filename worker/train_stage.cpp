#include "worker/train_stage.hpp"

#include <algorithm>
#include <list>
#include <map>
#include <new>
#include <nlohmann/json.hpp>
#include <set>

#include "common/backbones/backbones.hpp"
#include "common/util/cache_folder.hpp"
#include "common/util/error.hpp"
#include "common/util/parallel.hpp"
#include "worker/cache/array_file.hpp"
#include "worker/cache/image_cache.hpp"
#include "worker/checkpoint_keeper.hpp"
#include "worker/group_batches.hpp"
#include "worker/heads/class_weights.hpp"
#include "worker/heads/head_model.hpp"
#include "worker/heads/snapshot_keeper.hpp"
#include "worker/heads/take_over.hpp"
#include "worker/network/frozen_network.hpp"
#include "worker/torch/tail_model.hpp"
#include "worker/torch/threads.hpp"
#include "worker/training_input.hpp"
#include "worker/weights/safetensors.hpp"

namespace thaw {
namespace {

/// The images of one part for trials of this fold, without the bad ones.
Samples samples_of(const Dataset& dataset, Part part, int fold, const std::set<int>& bad) {
    Samples samples;
    for (int i = 0; i < static_cast<int>(dataset.images.size()); ++i) {
        const ImageFile& image = dataset.images[static_cast<std::size_t>(i)];
        if (image.part_in(fold) != part || bad.contains(i)) continue;
        samples.rows.push_back(i);
        samples.labels.push_back(image.label);
    }
    return samples;
}

/// The model begins with what an earlier phase has left in that file.
void go_on_from_phase(Model& model, const std::string& path) {
    try {
        take_over(model, read_safetensors(FileReader(path)));
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& error) {
        throw StageError(
            "cannot go on from the weights of the earlier phase, {}: {}; remove that file and run again, and the phase "
            "is trained anew",
            path, error.what());
    }
}

/// One run of a train stage: what its trajectories read, and the loop over them.
class Training {
  public:
    Training(const TrainStage& stage, StageContext& context, const StageReports& reports, const std::stop_token& stop,
             Group* group)
        : stage_(stage),
          context_(context),
          reports_(reports),
          stop_(stop),
          group_(group),
          first_(stage.trajectories.at(0).trial),
          dataset_(dataset_of(stage.dataset, context)),
          graph_(graph_of_trial(first_, parse_padding_style(stage.weights.padding))),
          tensors_(stage.recompute || first_.cut != graph_.top_begin
                       ? tensors_of(stage.weights,
                                    build_backbone(first_.backbone, first_.image_size, graph_.padding_style),
                                    first_.seed, context)
                       : nullptr),
          input_(stage, *dataset_, graph_, tensors_.get(), context.threads, group) {
        std::set<int> bad;
        for (const BadImage& image : read_bad_images(stage.images)) bad.insert(image.index);
        train_ = samples_of(*dataset_, Part::train, first_.fold, bad);
        validation_ = samples_of(*dataset_, Part::validation, first_.fold, bad);
        test_ = samples_of(*dataset_, Part::test, first_.fold, bad);
        about_ = {{"classes", nlohmann::json(dataset_->classes).dump()},
                  {"resize", to_string(stage.decode.resize)},
                  {"interpolation", to_string(stage.decode.interpolation)},
                  {"grey", stage.decode.grey ? "true" : "false"},
                  {"preprocessing", stage.weights.preprocessing},
                  {"padding", stage.weights.padding},
                  {"weights_sha256", stage.weights.sha256}};
    }

    StageResult run() {
        together_.no_more_epochs = &context_.no_more_epochs;
        together_.group = group_;
        if (group_) compute_on_threads(context_.threads);  // the whole rank is this stage's
        input_.attach_to(together_);
        if (stage_.recompute) {
            std::vector<int> all;
            for (int i = 0; i < static_cast<int>(stage_.trajectories.size()); ++i) all.push_back(i);
            train(all);
        } else {
            for (int i = 0; i < static_cast<int>(stage_.trajectories.size()) && !ends_early(); ++i) train({i});
        }
        return result_;
    }

  private:
    bool ends_early() const {
        const bool asked = stop_.stop_requested() || context_.no_more_epochs;
        return group_ ? group_->any(asked) : asked;
    }
    bool leads() const { return !group_ || group_->leads(); }

    const TrainStage::Trajectory& trajectory(int index) const {
        return stage_.trajectories[static_cast<std::size_t>(index)];
    }

    /// The stage's trajectories may end their bases at different layers; a stage has up to hundreds of one base.
    const LayerGraph& graph_of(const Trial& trial) {
        if (trial.base_layers == first_.base_layers) return graph_;
        const auto [entry, is_new] = other_graphs_.try_emplace(trial.base_layers);
        if (is_new) entry->second = graph_of_trial(trial, graph_.padding_style);
        return entry->second;
    }

    std::unique_ptr<Model> make_model(const Trial& trial) {
        const TargetClasses classes(static_cast<int>(dataset_->classes.size()),
                                    class_weights(trial.class_weights, dataset_->classes, train_.labels));
        const TailInput input = input_.rows();
        const LayerGraph& graph = graph_of(trial);
        if (trial.cut == graph.top_begin) return std::make_unique<HeadModel<float>>(trial, input.features, classes);
        return make_tail_model(trial, graph, *tensors_, find_preprocessing(stage_.weights.preprocessing), input,
                               classes, group_);
    }

    /// Trains these trajectories side by side.
    void train(const std::vector<int>& indices) {
        std::vector<std::unique_ptr<Model>> models;
        std::list<SnapshotKeeper> keepers;
        std::list<TrainedWeights> checkpoints;
        std::vector<Member> members;
        std::vector<int> begun;  // of each member, its trajectory
        for (const int index : indices) {
            try {
                models.push_back(make_model(trajectory(index).trial));
                if (leads()) {
                    keepers.emplace_back(trajectory(index), *models.back(), stage_.cache_budget);
                    checkpoints.emplace_back(trajectory(index), *models.back(), about_);
                }
                members.push_back(member(index, *models.back(), leads() ? &keepers.back() : nullptr,
                                         leads() ? &checkpoints.back() : nullptr));
                begun.push_back(index);
            } catch (const std::bad_alloc&) {
                cannot_begin(index, "out of memory");
            } catch (const StageError& error) {
                cannot_begin(index, error.what());
            }
        }
        if (members.empty()) return;
        train_side_by_side(members, train_, validation_, together_, stop_);
        for (std::size_t i = 0; i < members.size(); ++i) test(begun[i], members[i]);
        for (SnapshotKeeper& keeper : keepers) {
            if (!stop_.stop_requested()) keeper.leave();
            result_.bytes += keeper.bytes_kept();
        }
    }

    void cannot_begin(int index, const std::string& message) {
        if (group_) {
            group_->fail(message);
            group_->recover();
        }
        reports_.trajectory_failed(index, message);
    }

    /// Where the training goes on from: the leader's snapshot, on all members of a group. All need its history: it
    /// decides about learning rates and the training's end.
    static Snapshot agreed(Snapshot snapshot, Group& group) {
        std::string header = nlohmann::json({{"history", snapshot.history}, {"best", snapshot.best.predicted}}).dump();
        for (std::string* text : {&header, &snapshot.state, &snapshot.best.state}) {
            std::vector<std::int64_t> bytes = {static_cast<std::int64_t>(text->size())};
            broadcast_numbers(group, bytes);
            text->resize(static_cast<std::size_t>(bytes[0]));
            group.broadcast(std::as_writable_bytes(std::span(*text)), 0);
        }
        const auto agreed = nlohmann::json::parse(header);
        agreed.at("history").get_to(snapshot.history);
        agreed.at("best").get_to(snapshot.best.predicted);
        return snapshot;
    }

    /// What was predicted for these samples by place among all images that any fold has in this part, the bad ones and
    /// other folds' too. Nothing where it was for others: an earlier run could read more or fewer.
    std::vector<int> by_place(const std::vector<int>& predicted, const Samples& samples, Part part) const {
        std::vector<int> places;
        if (predicted.size() != samples.rows.size()) return places;
        std::size_t next = 0;
        for (int i = 0; i < static_cast<int>(dataset_->images.size()); ++i) {
            const ImageFile& image = dataset_->images[static_cast<std::size_t>(i)];
            if (image.part_in(image.fold) != part) continue;
            if (image.fold != 0 && image.fold != first_.fold) {
                places.push_back(kOfAnotherFold);
                continue;
            }
            const bool good = next < samples.rows.size() && samples.rows[next] == i;
            places.push_back(good ? predicted[next++] : -1);
        }
        return places;
    }

    EpochMetrics with_places(EpochMetrics metrics) const {
        if (!metrics.predicted.empty()) metrics.predicted = by_place(metrics.predicted, validation_, Part::validation);
        return metrics;
    }

    void test(int index, const Member& member) {
        if (!trajectory(index).test || member.failed || !member.has_ended()) return;
        const std::vector<int> predicted = classes_of(*member.model, test_, together_);
        if (leads()) reports_.tested(index, by_place(predicted, test_, Part::test));
    }

    /// What is told of a trajectory; one that goes on from a snapshot tells first what was before. Without keepers
    /// another member of the group tells and keeps.
    Member member(int index, Model& model, SnapshotKeeper* keeper, TrainedWeights* checkpoints) {
        const TrainStage::Trajectory& planned = trajectory(index);
        Member member{&model, &planned.trial, planned.ends, {}, {}, {}, false};
        if (planned.trial.early_stop.restore_best) member.best = std::make_shared<BestEpoch>();
        Snapshot start;
        if (keeper) {
            auto found = keeper->find();
            if (found && checkpoints->can_go_on(found->history)) {
                keeper->resume(*found);
                start = std::move(*found);
            }
        }
        if (group_) start = agreed(std::move(start), *group_);
        TensorMap restored;  // what the weights are that the training, if it ended now, would leave
        if (member.best && keeper && !start.history.empty() && !planned.checkpoints.empty()) {
            model.restore(start.best.state);
            restored = model.tensors();
        }
        if (!start.history.empty())
            model.restore(start.state);
        else if (!planned.start.empty())
            go_on_from_phase(model, planned.start);
        if (member.best) *member.best = std::move(start.best);
        member.history = std::move(start.history);
        if (!keeper) return member;
        keeper->best = member.best;
        if (!member.history.empty()) checkpoints->go_on(member.history, std::move(restored));
        keeper->before_write = [checkpoints] { checkpoints->save(); };
        const auto tell = [this, index, reported = planned.reported](const EpochMetrics& metrics,
                                                                     const std::string& obsolete) {
            if (metrics.epoch > reported) reports_.epoch(index, with_places(metrics), obsolete);
        };
        member.on_epoch = [keeper, checkpoints, tell](const EpochMetrics& metrics) {
            checkpoints->epoch_done(metrics);
            keeper->epoch_done(metrics);
            tell(metrics, keeper->obsolete());
        };
        member.on_failure = [this, index, keeper](const std::string& message) {
            keeper->abandon();
            reports_.trajectory_failed(index, message);
        };
        for (const EpochMetrics& metrics : member.history) tell(metrics, "");
        return member;
    }

    const TrainStage& stage_;
    StageContext& context_;
    const StageReports& reports_;
    const std::stop_token& stop_;
    Group* group_;
    const Trial& first_;  // its cut, weights, image size, precision and fold are all trajectories'
    std::shared_ptr<const Dataset> dataset_;
    LayerGraph graph_;                        // the first trajectory's
    std::map<int, LayerGraph> other_graphs_;  // by Trial::base_layers
    std::shared_ptr<const TensorMap> tensors_;
    TrainingInput input_;
    Samples train_, validation_, test_;
    std::map<std::string, std::string> about_;  // every checkpoint
    Together together_;
    StageResult result_;
};

}  // namespace

StageResult run(const TrainStage& stage, StageContext& context, const StageReports& reports,
                const std::stop_token& stop, Group* group) {
    return Training(stage, context, reports, stop, group).run();
}

}  // namespace thaw
