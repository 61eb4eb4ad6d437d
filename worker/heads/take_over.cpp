#include "worker/heads/take_over.hpp"

#include <utility>

#include "common/util/error.hpp"

namespace thaw {

void take_over(Model& model, TensorMap trained) {
    TensorMap tensors = model.tensors();
    for (auto& [name, tensor] : trained) {
        const auto own = tensors.find(name);
        if (own == tensors.end() || own->second.shape != tensor.shape)
            throw StageError("its tensor {} does not fit", name);
        own->second = std::move(tensor);
    }
    model.load(tensors);
}

}  // namespace thaw
