// frozen_forward_bench BACKBONE THREADS IMAGES: the frozen executor's part in tests/bench/frozen_forward. For every
// line that it reads it carries IMAGES random images to the pooled output of the base and writes the seconds that took.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "common/backbones/backbones.hpp"
#include "common/util/parallel.hpp"
#include "common/util/random.hpp"
#include "worker/network/frozen_network.hpp"
#include "worker/network/random_tensors.hpp"
#include "worker/torch/threads.hpp"

namespace thaw {
namespace {

constexpr int kImageSize = 224;

double seconds_of(const FrozenNetwork& network, const std::vector<std::uint8_t>& images, int threads,
                  std::int64_t features_each, std::vector<float>& features) {
    const auto start = std::chrono::steady_clock::now();
    constexpr std::size_t kBytes = std::size_t{kImageSize} * kImageSize * 3;
    const std::size_t count = images.size() / kBytes;
    for_each_index((count + kCanonicalBatch - 1) / kCanonicalBatch, threads, [&](std::size_t batch) {
        compute_on_one_thread();
        const std::size_t first = batch * kCanonicalBatch;
        const int rows = static_cast<int>(std::min<std::size_t>(kCanonicalBatch, count - first));
        network.run(&images[first * kBytes], rows, {&features[first * static_cast<std::size_t>(features_each)]});
    });
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int bench(const std::string& backbone, int threads, std::size_t count, Precision precision) {
    if (!supports(precision)) return std::puts("unsupported") < 0;
    prepare_process();
    const LayerGraph graph = build_backbone(backbone, kImageSize, PaddingStyle::symmetric);
    const std::vector<Tap> taps = {{graph.top_begin, true, Pooling::average}};
    const Preprocessing& preprocessing = find_preprocessing("torch");
    const auto network = make_frozen_network(graph, random_tensors(graph, 1), preprocessing, taps, precision);
    std::vector<std::uint8_t> images(count * kImageSize * kImageSize * 3);
    const CounterRandom random(1, "images");
    for (std::size_t i = 0; i < images.size(); ++i) images[i] = static_cast<std::uint8_t>(256 * random.uniform(i));
    const std::int64_t features_each = tap_elements(graph, taps[0]);
    std::vector<float> features(count * static_cast<std::size_t>(features_each));
    std::puts("ready");
    std::fflush(stdout);
    for (std::string line; std::getline(std::cin, line);) {
        std::printf("%.6f\n", seconds_of(*network, images, threads, features_each, features));
        std::fflush(stdout);
    }
    return 0;
}

}  // namespace
}  // namespace thaw

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: frozen_forward_bench BACKBONE THREADS IMAGES PRECISION\n");
        return 2;
    }
    return thaw::bench(argv[1], std::atoi(argv[2]), static_cast<std::size_t>(std::atoi(argv[3])),
                       thaw::parse_precision(argv[4]));
}
