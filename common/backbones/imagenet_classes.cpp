#include "common/backbones/imagenet_classes.hpp"

#include <sstream>

#include "common/backbones/embedded.hpp"

namespace thaw {

const std::vector<ImagenetClass>& imagenet_classes() {
    static const std::vector<ImagenetClass> classes = [] {
        std::vector<ImagenetClass> all;
        std::istringstream text(kImagenetClasses);
        for (ImagenetClass next; text >> next.id >> next.name;) all.push_back(next);
        return all;
    }();
    return classes;
}

}  // namespace thaw
