// The 1000 classes of ImageNet (ILSVRC 2012) in the order in which every pretrained classifier has them.
#pragma once

#include <string>
#include <vector>

namespace thaw {

struct ImagenetClass {
    std::string id;    // WordNet's: "n01440764"
    std::string name;  // its first lemma, as Keras' decode_predictions says it: "great_white_shark"
};

const std::vector<ImagenetClass>& imagenet_classes();

}  // namespace thaw
