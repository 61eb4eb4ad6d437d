#include "worker/weights/keras_entries.hpp"

#include <fmt/format.h>

namespace thaw {
namespace {

constexpr const char* kMost = "https://storage.googleapis.com/tensorflow/keras-applications";
constexpr const char* kOwn = "https://storage.googleapis.com/keras-applications";  // of EfficientNets

struct Row {
    const char *name, *backbone, *folder, *file, *md5, *preprocessing;
};

/// Each network's file with its classifier, then the one without. Of MobileNets Keras publishes no hash.
constexpr Row kRows[] = {
    {"xception-imagenet-keras", "xception", "xception", "xception_weights_tf_dim_ordering_tf_kernels.h5",
     "0a58e3b7378bc2990ea3b43d5981f1f6", "tf"},
    {"xception-imagenet-keras-notop", "xception", "xception", "xception_weights_tf_dim_ordering_tf_kernels_notop.h5",
     "b0042744bf5b25fce3cb969f33bebb97", "tf"},
    {"vgg16-imagenet-keras", "vgg16", "vgg16", "vgg16_weights_tf_dim_ordering_tf_kernels.h5",
     "64373286793e3c8b2b4e3219cbf3544b", "caffe"},
    {"vgg16-imagenet-keras-notop", "vgg16", "vgg16", "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
     "6d6bbae143d832006294945121d1f1fc", "caffe"},
    {"vgg19-imagenet-keras", "vgg19", "vgg19", "vgg19_weights_tf_dim_ordering_tf_kernels.h5",
     "cbe5617147190e668d6c5d5026f83318", "caffe"},
    {"vgg19-imagenet-keras-notop", "vgg19", "vgg19", "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
     "253f8cb515780f3b799900260a226db6", "caffe"},
    {"keras_inception_v3-imagenet-keras", "keras_inception_v3", "inception_v3",
     "inception_v3_weights_tf_dim_ordering_tf_kernels.h5", "9a0d58056eeedaa3f26cb7ebd46da564", "tf"},
    {"keras_inception_v3-imagenet-keras-notop", "keras_inception_v3", "inception_v3",
     "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5", "bcbd6486424b2319ff4ef7d526e38f63", "tf"},
    {"inception_resnet_v2-imagenet-keras", "inception_resnet_v2", "inception_resnet_v2",
     "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels.h5", "e693bd0210a403b3192acc6073ad2e96", "tf"},
    {"inception_resnet_v2-imagenet-keras-notop", "inception_resnet_v2", "inception_resnet_v2",
     "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5", "d19885ff4a710c122648d3b5c3b684e4", "tf"},
    {"keras_resnet50-imagenet-keras", "keras_resnet50", "resnet", "resnet50_weights_tf_dim_ordering_tf_kernels.h5",
     "2cb95161c43110f7111970584f804107", "caffe"},
    {"keras_resnet50-imagenet-keras-notop", "keras_resnet50", "resnet",
     "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5", "4d473c1dd8becc155b73f8504c6f6626", "caffe"},
    {"keras_resnet101-imagenet-keras", "keras_resnet101", "resnet", "resnet101_weights_tf_dim_ordering_tf_kernels.h5",
     "f1aeb4b969a6efcfb50fad2f0c20cfc5", "caffe"},
    {"keras_resnet101-imagenet-keras-notop", "keras_resnet101", "resnet",
     "resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5", "88cf7a10940856eca736dc7b7e228a21", "caffe"},
    {"keras_resnet152-imagenet-keras", "keras_resnet152", "resnet", "resnet152_weights_tf_dim_ordering_tf_kernels.h5",
     "100835be76be38e30d865e96f2aaae62", "caffe"},
    {"keras_resnet152-imagenet-keras-notop", "keras_resnet152", "resnet",
     "resnet152_weights_tf_dim_ordering_tf_kernels_notop.h5", "ee4c566cf9a93f14d82f913c2dc6dd0c", "caffe"},
    {"resnet50v2-imagenet-keras", "resnet50v2", "resnet", "resnet50v2_weights_tf_dim_ordering_tf_kernels.h5",
     "3ef43a0b657b3be2300d5770ece849e0", "tf"},
    {"resnet50v2-imagenet-keras-notop", "resnet50v2", "resnet",
     "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5", "fac2f116257151a9d068a22e544a4917", "tf"},
    {"resnet101v2-imagenet-keras", "resnet101v2", "resnet", "resnet101v2_weights_tf_dim_ordering_tf_kernels.h5",
     "6343647c601c52e1368623803854d971", "tf"},
    {"resnet101v2-imagenet-keras-notop", "resnet101v2", "resnet",
     "resnet101v2_weights_tf_dim_ordering_tf_kernels_notop.h5", "c0ed64b8031c3730f411d2eb4eea35b5", "tf"},
    {"resnet152v2-imagenet-keras", "resnet152v2", "resnet", "resnet152v2_weights_tf_dim_ordering_tf_kernels.h5",
     "a49b44d1979771252814e80f8ec446f9", "tf"},
    {"resnet152v2-imagenet-keras-notop", "resnet152v2", "resnet",
     "resnet152v2_weights_tf_dim_ordering_tf_kernels_notop.h5", "ed17cf2e0169df9d443503ef94b23b33", "tf"},
    {"keras_densenet121-imagenet-keras", "keras_densenet121", "densenet",
     "densenet121_weights_tf_dim_ordering_tf_kernels.h5", "9d60b8095a5708f2dcce2bca79d332c7", "torch"},
    {"keras_densenet121-imagenet-keras-notop", "keras_densenet121", "densenet",
     "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5", "30ee3e1110167f948a6b9946edeeb738", "torch"},
    {"keras_densenet169-imagenet-keras", "keras_densenet169", "densenet",
     "densenet169_weights_tf_dim_ordering_tf_kernels.h5", "d699b8f76981ab1b30698df4c175e90b", "torch"},
    {"keras_densenet169-imagenet-keras-notop", "keras_densenet169", "densenet",
     "densenet169_weights_tf_dim_ordering_tf_kernels_notop.h5", "b8c4d4c20dd625c148057b9ff1c1176b", "torch"},
    {"keras_densenet201-imagenet-keras", "keras_densenet201", "densenet",
     "densenet201_weights_tf_dim_ordering_tf_kernels.h5", "1ceb130c1ea1b78c3bf6114dbdfd8807", "torch"},
    {"keras_densenet201-imagenet-keras-notop", "keras_densenet201", "densenet",
     "densenet201_weights_tf_dim_ordering_tf_kernels_notop.h5", "c13680b51ded0fb44dff2d8f86ac8bb1", "torch"},
    {"mobilenet_v1-imagenet-keras", "mobilenet_v1", "mobilenet", "mobilenet_1_0_224_tf.h5", "", "tf"},
    {"mobilenet_v1-imagenet-keras-notop", "mobilenet_v1", "mobilenet", "mobilenet_1_0_224_tf_no_top.h5", "", "tf"},
    {"keras_mobilenet_v2-imagenet-keras", "keras_mobilenet_v2", "mobilenet_v2",
     "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5", "", "tf"},
    {"keras_mobilenet_v2-imagenet-keras-notop", "keras_mobilenet_v2", "mobilenet_v2",
     "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5", "", "tf"},
    {"nasnet_mobile-imagenet-keras", "nasnet_mobile", "nasnet", "NASNet-mobile.h5", "020fb642bf7360b370c678b08e0adf61",
     "tf"},
    {"nasnet_mobile-imagenet-keras-notop", "nasnet_mobile", "nasnet", "NASNet-mobile-no-top.h5",
     "1ed92395b5b598bdda52abe5c0dbfd63", "tf"},
    {"efficientnet_b0-imagenet-keras", "efficientnet_b0", kOwn, "efficientnetb0.h5", "902e53a9f72be733fc0bcb005b3ebbac",
     "raw"},
    {"efficientnet_b0-imagenet-keras-notop", "efficientnet_b0", kOwn, "efficientnetb0_notop.h5",
     "50bc09e76180e00e4465e1a485ddc09d", "raw"},
    {"efficientnet_b1-imagenet-keras", "efficientnet_b1", kOwn, "efficientnetb1.h5", "1d254153d4ab51201f1646940f018540",
     "raw"},
    {"efficientnet_b1-imagenet-keras-notop", "efficientnet_b1", kOwn, "efficientnetb1_notop.h5",
     "74c4e6b3e1f6a1eea24c589628592432", "raw"},
    {"efficientnet_b2-imagenet-keras", "efficientnet_b2", kOwn, "efficientnetb2.h5", "b15cce36ff4dcbd00b6dd88e7857a6ad",
     "raw"},
    {"efficientnet_b2-imagenet-keras-notop", "efficientnet_b2", kOwn, "efficientnetb2_notop.h5",
     "111f8e2ac8aa800a7a99e3239f7bfb39", "raw"},
    {"efficientnet_b3-imagenet-keras", "efficientnet_b3", kOwn, "efficientnetb3.h5", "ffd1fdc53d0ce67064dc6a9c7960ede0",
     "raw"},
    {"efficientnet_b3-imagenet-keras-notop", "efficientnet_b3", kOwn, "efficientnetb3_notop.h5",
     "af6d107764bb5b1abb91932881670226", "raw"},
};

WeightsEntry entry_of(const Row& row) {
    const std::string folder = row.folder;
    const std::string address = folder.starts_with("https:") ? folder : fmt::format("{}/{}", kMost, folder);
    return {row.name,
            row.backbone,
            row.file,
            "",
            row.preprocessing,
            PaddingStyle::tensorflow,
            "Apache-2.0",
            fmt::format("curl -O {}/{}", address, row.file),
            row.md5};
}

}  // namespace

const std::vector<WeightsEntry>& keras_entries() {
    static const std::vector<WeightsEntry> entries = [] {
        std::vector<WeightsEntry> all;
        for (const Row& row : kRows) all.push_back(entry_of(row));
        return all;
    }();
    return entries;
}

}  // namespace thaw
