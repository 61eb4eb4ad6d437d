// gpu_training_bench DEVICE BACKBONE train|frozen BATCH PRECISION STEPS: thaw's part in tests/bench/gpu_training. For
// every line that it reads it does STEPS training steps of the whole network, or frozen passes, from bytes in the
// host's memory, and writes the seconds that took. Prints "unsupported" where thaw does not offer that.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "common/backbones/backbones.hpp"
#include "common/util/error.hpp"
#include "common/util/random.hpp"
#include "worker/network/frozen_network.hpp"
#include "worker/network/random_tensors.hpp"
#include "worker/torch/device.hpp"
#include "worker/torch/tail_model.hpp"

namespace thaw {
namespace {

constexpr int kImageSize = 224;
constexpr std::int64_t kImageBytes = std::int64_t{3} * kImageSize * kImageSize;
constexpr int kClasses = 1000;
const Preprocessing kPreprocessing = {"torch", {123.675, 116.28, 103.53}, {58.395, 57.12, 57.375}, false};

std::vector<std::uint8_t> random_images(int count) {
    std::vector<std::uint8_t> images(static_cast<std::size_t>(count * kImageBytes));
    const CounterRandom random(1, "images");
    for (std::size_t i = 0; i < images.size(); ++i) images[i] = static_cast<std::uint8_t>(256 * random.uniform(i));
    return images;
}

/// A whole step: bytes to the device, forward, backward, optimizer, the loss back.
std::function<void()> training_step(const LayerGraph& graph, int batch, const std::vector<std::uint8_t>& images) {
    Trial trial;
    trial.backbone = graph.backbone;
    trial.freeze = "none";
    trial.optimizer.kind = OptimizerKind::sgd;
    trial.optimizer.momentum = 0.9;
    trial.batch_size = batch;
    TailInput input;
    input.images = {images.data(), kImageBytes, nullptr};
    const std::shared_ptr<Model> model =
        make_tail_model(trial, graph, random_tensors(graph, 1), kPreprocessing, input, kClasses);
    std::vector<int> rows(static_cast<std::size_t>(batch));
    std::iota(rows.begin(), rows.end(), 0);
    return [model, rows] { model->train_batch(rows, rows, 1); };
}

/// Pooled features of `batch` images, in as many passes as the executor's own batch makes of them.
std::function<void()> frozen_pass(const LayerGraph& graph, int batch, Precision precision,
                                  const std::vector<std::uint8_t>& images) {
    const std::vector<Tap> taps = {{graph.top_begin, true, Pooling::average}};
    const std::shared_ptr<const FrozenNetwork> network =
        make_frozen_network(graph, random_tensors(graph, 1), kPreprocessing, taps, precision);
    const std::int64_t each = tap_elements(graph, taps[0]);
    auto features = std::make_shared<std::vector<float>>(static_cast<std::size_t>(batch * each));
    return [=, &images] {
        for (int first = 0; first < batch; first += network->batch())
            network->run(images.data() + first * kImageBytes, std::min(network->batch(), batch - first),
                         {features->data() + first * each});
    };
}

int bench(const std::vector<std::string>& arguments) {
    choose_device(arguments[0]);
    const LayerGraph graph = build_backbone(arguments[1], kImageSize, PaddingStyle::symmetric);
    const bool trains = arguments[2] == "train";
    const int batch = std::stoi(arguments[3]), steps = std::stoi(arguments[5]);
    const Precision precision = parse_precision(arguments[4]);
    if (trains ? precision != Precision::float32 : !supports(precision)) return std::puts("unsupported") < 0;
    const std::vector<std::uint8_t> images = random_images(batch);
    const auto step = trains ? training_step(graph, batch, images) : frozen_pass(graph, batch, precision, images);
    std::puts("ready");
    std::fflush(stdout);
    for (std::string line; std::getline(std::cin, line);) {
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < steps; ++i) step();
        std::printf("%.6f\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        std::fflush(stdout);
    }
    return 0;
}

}  // namespace
}  // namespace thaw

int main(int argc, char** argv) {
    if (argc != 7) {
        std::fprintf(stderr, "usage: gpu_training_bench auto|cpu|cuda BACKBONE train|frozen BATCH fp32|bf16 STEPS\n");
        return 2;
    }
    try {
        return thaw::bench({argv + 1, argv + argc});
    } catch (const thaw::UserError& error) {
        std::fprintf(stderr, "gpu_training_bench: %s\n", error.what());
        return 2;
    }
}
