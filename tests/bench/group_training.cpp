// A tail's training and a frozen pass on a group of ranks, and how long the ranks stand still for each other:
//   mpirun -n RANKS group_training [threads a rank]
// Random weights and images; MobileNetV2 at 96 pixels, from features.7 on, batches of 32 on all ranks together.
#include <fmt/format.h>
#include <mpi.h>

#include <chrono>
#include <cstdlib>
#include <numeric>

#include "common/backbones/backbones.hpp"
#include "common/util/random.hpp"
#include "worker/group_batches.hpp"
#include "worker/network/frozen_network.hpp"
#include "worker/network/random_tensors.hpp"
#include "worker/torch/tail_model.hpp"
#include "worker/torch/threads.hpp"

namespace thaw {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSize = 96, kImages = 512, kBatch = 32, kSteps = 16;

struct Measurement {
    double seconds = 0, waited = 0;  // of the quickest round
};

/// The quickest of several rounds; members begin together.
Measurement quickest(Group& group, const std::function<void()>& work) {
    Measurement best{1e9, 0};
    for (int round = 0; round < 5; ++round) {
        group.barrier();
        const Group::Times before = group.times();
        const auto start = Clock::now();
        work();
        group.barrier();
        double seconds = std::chrono::duration<double>(Clock::now() - start).count();
        if (seconds < best.seconds) best = {seconds, group.times().waited - before.waited};
    }
    return best;
}

void print(const Group& group, const char* what, int images, const Measurement& measured) {
    if (!group.leads()) return;
    fmt::print("{:<8} {} ranks {:8.1f} images/s, {:4.1f} % of the time waiting in collectives\n", what, group.size(),
               images / measured.seconds, 100 * measured.waited / measured.seconds);
}

void measure_tail(Group& group, const LayerGraph& graph, const TensorMap& tensors, int threads) {
    Trial trial;
    trial.backbone = graph.backbone;
    const FreezeDepth depth = resolve_freeze(graph, "features.7");
    trial.frozen_layers = depth.frozen_layers;
    trial.cut = depth.cut;
    trial.batch_size = kBatch;
    trial.learning_rate = 1e-4;
    trial.image_size = kSize;
    const std::int64_t elements = graph.layers[static_cast<std::size_t>(depth.cut - 1)].output.elements();
    std::vector<float> features(static_cast<std::size_t>(kImages * elements));
    const CounterRandom random(1, "features", {});
    for (std::size_t i = 0; i < features.size(); ++i) features[i] = static_cast<float>(random.uniform(i));
    std::vector<int> rows(kImages), labels(kImages);
    std::iota(rows.begin(), rows.end(), 0);
    for (int i = 0; i < kImages; ++i) labels[static_cast<std::size_t>(i)] = i % 10;
    const auto model = make_tail_model(trial, graph, tensors, {}, {{features.data(), elements, nullptr}, {}}, 10,
                                       group.size() > 1 ? &group : nullptr);
    compute_on_threads(threads);
    print(group, "tail", kSteps * kBatch, quickest(group, [&] {
              for (std::size_t step = 0; step < kSteps; ++step)
                  model->train_batch(std::span(rows).subspan(step * kBatch, kBatch),
                                     std::span(labels).subspan(step * kBatch, kBatch), 1);
          }));
}

void measure_frozen(Group& group, const LayerGraph& graph, const TensorMap& tensors, int threads) {
    const Tap tap{graph.top_begin, true, Pooling::average};
    const auto network = make_frozen_network(graph, tensors, find_preprocessing("torch"), {tap}, Precision::float32);
    const auto elements = static_cast<std::size_t>(tap_elements(graph, tap));
    const std::vector<std::uint8_t> pixels(std::size_t{kCanonicalBatch} * 3 * kSize * kSize, 100);
    std::vector<float> kept(elements * kImages);
    GroupBatches batches;
    batches.count = kImages / kCanonicalBatch;
    batches.bytes = elements * kCanonicalBatch * sizeof(float);
    batches.compute = [&](std::size_t, std::byte* out) {
        compute_on_one_thread();
        network->run(pixels.data(), kCanonicalBatch, {reinterpret_cast<float*>(out)});
    };
    batches.keep = [&](std::size_t batch, const std::byte* bytes) {
        std::memcpy(kept.data() + batch * elements * kCanonicalBatch, bytes, batches.bytes);
    };
    print(group, "frozen", kImages, quickest(group, [&] { run_on_all_members(group, batches, threads, {}); }));
}

void measure(int threads) {
    int size = 0;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    std::vector<int> all(static_cast<std::size_t>(size));
    std::iota(all.begin(), all.end(), 0);
    prepare_process();
    Group group(make_mpi_communicator(all));
    const LayerGraph graph = build_backbone("mobilenet_v2", kSize, PaddingStyle::symmetric);
    const TensorMap tensors = random_tensors(graph, 1);
    measure_tail(group, graph, tensors, threads);
    measure_frozen(group, graph, tensors, threads);
}

}  // namespace
}  // namespace thaw

int main(int argc, char** argv) {
    int provided = 0;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
    thaw::measure(argc > 1 ? std::atoi(argv[1]) : 1);
    MPI_Finalize();
}
