// What the tests of sweeps share: names to validate against and a stand-in for the layer graphs.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <string>

#include "coordinator/sweep/expand.hpp"
#include "coordinator/sweep/sweep_file.hpp"

namespace thaw {

inline const Vocabulary kVocabulary = {{"alexnet", "mobilenet_v1", "mobilenet_v2", "resnet50"},
                                       {"mobilenet_v2-imagenet-tf"},
                                       {"torch", "tf", "caffe", "lite"}};

/// AlexNet has 20 layers, none of them a batch-norm, others 150; block features.N ends with layer 5 * N + 5; every
/// fifth layer is a cut.
inline FreezeDepth fake_freeze(const std::string& backbone, const std::string& freeze, int, int base_layers = 0) {
    const int layers = base_layers ? base_layers : backbone == "alexnet" ? 20 : 150;
    const auto depth = [&](int frozen) {
        if (frozen > layers) throw UserError("freeze: {} but {} has {} layers", freeze, backbone, layers);
        return FreezeDepth{frozen, frozen / 5 * 5, backbone != "alexnet" && frozen < layers};
    };
    if (freeze == "all") return depth(layers);
    if (freeze == "none") return depth(0);
    if (freeze.ends_with('%')) return depth(layers * std::atoi(freeze.c_str()) / 100);
    if (freeze.starts_with("features.")) return depth(std::atoi(freeze.c_str() + 9) * 5 + 5);
    if (freeze.find_first_not_of("0123456789") == std::string::npos) return depth(std::atoi(freeze.c_str()));
    throw UserError("{} has no layer or block '{}'", backbone, freeze);
}

/// The base may end with features.N alone.
inline int fake_until(const std::string& backbone, const std::string& until, int size) {
    if (until == "none") return 0;
    if (!until.starts_with("features.")) throw UserError("until: {} has no layer or block '{}'", backbone, until);
    const int layers = fake_freeze(backbone, until, size).frozen_layers;
    return layers == fake_freeze(backbone, "all", size).frozen_layers ? 0 : layers;
}

inline const DepthResolver kFakeDepths = {fake_until, fake_freeze};

/// A sweep in memory, as if it stood in /sweeps/test.yaml; `rest` follows the data folder.
inline Sweep sweep_of(const std::string& rest) {
    return parse_sweep({"/sweeps/test.yaml", "data: {folder: photos}\n" + rest}, kVocabulary);
}

inline Expansion expand_text(const std::string& rest) {
    return expand(sweep_of(rest), kFakeDepths);
}

}  // namespace thaw
