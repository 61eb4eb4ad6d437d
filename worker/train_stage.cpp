#include "worker/train_stage.hpp"

#include <algorithm>
#include <list>
#include <map>
#include <new>
#include <nlohmann/json.hpp>
#include <set>

#include "common/backbones/backbones.hpp"
#include "common/cache_folder.hpp"
#include "common/error.hpp"
#include "common/parallel.hpp"
#include "worker/checkpoint_keeper.hpp"
#include "worker/data/array_file.hpp"
#include "worker/data/image_cache.hpp"
#include "worker/group_batches.hpp"
#include "worker/network/frozen_network.hpp"
#include "worker/threads.hpp"
#include "worker/train/head_model.hpp"
#include "worker/train/snapshot_keeper.hpp"
#include "worker/train/tail_model.hpp"
#include "worker/train/take_over.hpp"
#include "worker/weights/safetensors.hpp"

namespace thaw {
namespace {

/// The images of one part, without the bad ones.
Samples samples_of(const Dataset& dataset, Part part, const std::set<int>& bad) {
    Samples samples;
    for (int i = 0; i < static_cast<int>(dataset.images.size()); ++i) {
        const ImageFile& image = dataset.images[static_cast<std::size_t>(i)];
        if (image.part != part || bad.contains(i)) continue;
        samples.rows.push_back(i);
        samples.labels.push_back(image.label);
    }
    return samples;
}

/// Features that are computed when they are used: a window of rows at a time, for all who train side by side.
class WindowOfFeatures {
  public:
    WindowOfFeatures(const ArrayFile& images, std::unique_ptr<FrozenNetwork> network, std::int64_t elements,
                     int smallest, int threads)
        : images_(images),
          network_(std::move(network)),
          threads_(threads),
          window_rows_(std::max(smallest, static_cast<int>(kWindowBytes / (4 * elements)))),
          values_(static_cast<std::size_t>(window_rows_ * elements)),
          places_(static_cast<std::size_t>(images.rows())),
          rows_{values_.data(), elements, places_.data()} {}

    const Rows<float>& rows() const { return rows_; }
    int window_rows() const { return window_rows_; }

    /// Members of a group compute a share each, and get all.
    void load(std::span<const int> rows, Group* group) {
        for (std::size_t i = 0; i < rows.size(); ++i) places_[static_cast<std::size_t>(rows[i])] = static_cast<int>(i);
        const auto each = static_cast<std::size_t>(network_->batch());
        const std::size_t batches = (rows.size() + each - 1) / each;
        const auto [begin, end] = group ? group->share_of(batches) : std::pair{std::size_t{0}, batches};
        for_each_index(end - begin, threads_, [&, from = begin](std::size_t batch) {
            compute_on_one_thread();
            const std::size_t first = (from + batch) * each;
            const std::size_t count = std::min(each, rows.size() - first);
            const std::vector<std::uint8_t> pixels = images_.gather(rows.subspan(first, count));
            network_->run(pixels.data(), static_cast<int>(count),
                          {values_.data() + static_cast<std::int64_t>(first) * rows_.elements});
        });
        if (!group) return;
        std::vector<std::size_t> begins;
        const std::size_t row_bytes = static_cast<std::size_t>(rows_.elements) * sizeof(float);
        for (int member = 0; member <= group->size(); ++member)
            begins.push_back(std::min(group->share_of(batches, member).first * each, rows.size()) * row_bytes);
        group->all_gather(std::as_writable_bytes(std::span(values_)), begins);
    }

  private:
    static constexpr std::int64_t kWindowBytes = 64 << 20;

    const ArrayFile& images_;
    std::unique_ptr<FrozenNetwork> network_;
    int threads_;
    int window_rows_;
    std::vector<float> values_;
    std::vector<int> places_;
    Rows<float> rows_;
};

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
          input_(stage.features.empty() ? stage.images : stage.features) {
        std::set<int> bad;
        for (const BadImage& image : read_bad_images(stage.images)) bad.insert(image.index);
        train_ = samples_of(*dataset_, Part::train, bad);
        validation_ = samples_of(*dataset_, Part::validation, bad);
        if (stage.recompute || first_.cut != graph_.top_begin)
            tensors_ = tensors_of(stage.weights, graph_, first_.seed, context);
        test_ = samples_of(*dataset_, Part::test, bad);
        about_ = {{"classes", nlohmann::json(dataset_->classes).dump()},
                  {"resize", to_string(stage.decode.resize)},
                  {"interpolation", to_string(stage.decode.interpolation)},
                  {"preprocessing", stage.weights.preprocessing},
                  {"padding", stage.weights.padding},
                  {"weights_sha256", stage.weights.sha256}};
    }

    StageResult run() {
        together_.no_more_epochs = &context_.no_more_epochs;
        together_.group = group_;
        if (group_) compute_on_threads(context_.threads);  // the whole rank is this stage's
        if (stage_.recompute) {
            compute_features_in_windows();
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

    void compute_features_in_windows() {
        const bool pooled = first_.cut == graph_.top_begin;
        const Tap tap{first_.cut, pooled, first_.head.pooling};
        together_.threads = stage_.trajectories.size() > 1 || group_ ? context_.threads : 1;
        together_.begin_thread = compute_on_one_thread;
        window_ = std::make_unique<WindowOfFeatures>(
            input_,
            make_frozen_network(graph_, *tensors_, find_preprocessing(stage_.weights.preprocessing), {tap},
                                first_.precision),
            tap_elements(graph_, tap), std::max(first_.batch_size, kEvaluationBatch), together_.threads);
        together_.window_rows = window_->window_rows();
        together_.load = [this](std::span<const int> rows) {
            window_->load(rows, group_);
            if (group_) compute_on_threads(context_.threads);  // the window's passes have one thread each
        };
    }

    std::unique_ptr<Model> make_model(const Trial& trial) const {
        const int classes = static_cast<int>(dataset_->classes.size());
        Rows<float> features;
        Rows<std::uint8_t> images;
        if (window_)
            features = window_->rows();
        else if (stage_.features.empty())
            images = {input_.bytes(), input_.row_elements(), nullptr};
        else
            features = {input_.floats(), input_.row_elements(), nullptr};
        const LayerGraph graph = graph_of_trial(trial, graph_.padding_style);
        if (trial.cut == graph.top_begin) return std::make_unique<HeadModel<float>>(trial, features, classes);
        return make_tail_model(trial, graph, *tensors_, find_preprocessing(stage_.weights.preprocessing),
                               {features, images}, classes, group_);
    }

    /// Trains these trajectories side by side.
    void train(const std::vector<int>& indices) {
        std::vector<std::unique_ptr<Model>> models;
        std::list<SnapshotKeeper> keepers;
        std::list<CheckpointKeeper> checkpoints;
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

    /// Where the training goes on from: the leader's snapshot, on all members of a group.
    static Snapshot agreed(Snapshot snapshot, Group& group) {
        std::vector<std::int64_t> numbers = {snapshot.history.empty() ? 0 : snapshot.epoch(),
                                             static_cast<std::int64_t>(snapshot.state.size())};
        broadcast_numbers(group, numbers);
        snapshot.state.resize(static_cast<std::size_t>(numbers[1]));
        group.broadcast(std::as_writable_bytes(std::span(snapshot.state)), 0);
        if (!group.leads() && numbers[0] > 0) snapshot.history = {EpochMetrics{.epoch = static_cast<int>(numbers[0])}};
        return snapshot;
    }

    /// What was predicted for these samples by place among all images of their part, the bad ones too. Nothing where
    /// it was for others: an earlier run could read more or fewer.
    std::vector<int> by_place(const std::vector<int>& predicted, const Samples& samples, Part part) const {
        std::vector<int> places;
        if (predicted.size() != samples.rows.size()) return places;
        std::size_t next = 0;
        for (int i = 0; i < static_cast<int>(dataset_->images.size()); ++i) {
            if (dataset_->images[static_cast<std::size_t>(i)].part != part) continue;
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
        if (!trajectory(index).test || member.failed || member.epochs_done() < member.trial->epochs) return;
        const std::vector<int> predicted = classes_of(*member.model, test_, together_);
        if (leads()) reports_.tested(index, by_place(predicted, test_, Part::test));
    }

    /// What is told of a trajectory; one that goes on from a snapshot tells first what was before. Without keepers
    /// another member of the group tells and keeps.
    Member member(int index, Model& model, SnapshotKeeper* keeper, CheckpointKeeper* checkpoints) {
        const TrainStage::Trajectory& planned = trajectory(index);
        Member member{&model, &planned.trial, planned.ends, {}, {}, {}, false};
        Snapshot start;
        if (keeper) {
            auto found = keeper->find();
            if (found && checkpoints->can_go_on(found->history)) {
                keeper->resume(*found);
                start = std::move(*found);
            }
        }
        if (group_) start = agreed(std::move(start), *group_);
        if (!start.history.empty())
            model.restore(start.state);
        else if (!planned.start.empty())
            go_on_from_phase(model, planned.start);
        member.history = std::move(start.history);
        if (!keeper) return member;
        if (!member.history.empty()) checkpoints->go_on(member.history);
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
    const Trial& first_;  // its cut, weights, image size and precision are all trajectories'
    std::shared_ptr<const Dataset> dataset_;
    LayerGraph graph_;
    ArrayFile input_;
    std::shared_ptr<const TensorMap> tensors_;
    Samples train_, validation_, test_;
    std::map<std::string, std::string> about_;  // every checkpoint
    std::unique_ptr<WindowOfFeatures> window_;
    Together together_;
    StageResult result_;
};

}  // namespace

StageResult run(const TrainStage& stage, StageContext& context, const StageReports& reports,
                const std::stop_token& stop, Group* group) {
    return Training(stage, context, reports, stop, group).run();
}

}  // namespace thaw
