#include "worker/torch/traced_network.hpp"

#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/script.h>

#include "common/util/error.hpp"
#include "worker/torch/torch_network.hpp"

namespace thaw {
namespace {

namespace jit = torch::jit;

torch::Tensor tensor_of(const TensorMap& tensors, const std::string& name) {
    const HostTensor& tensor = tensors.at(name);
    return torch::from_blob(const_cast<float*>(tensor.values.data()), tensor.shape, torch::kFloat32).clone();
}

torch::Tensor per_channel(const double (&values)[3]) {
    return torch::tensor({values[0], values[1], values[2]}, torch::kFloat32).view({1, 3, 1, 1});
}

/// What the file computes; run once with a tracer watching.
class Computation {
  public:
    Computation(const LayerGraph& graph, const TensorMap& tensors, const Preprocessing& preprocessing,
                const Trial& trial)
        : network_(graph, 0, graph.top_begin, graph.top_begin, tensors),
          head_(trial.head),
          binary_(trial.loss == Loss::binary_crossentropy),
          bgr_(preprocessing.bgr),
          mean_(per_channel(preprocessing.mean)),
          deviation_(per_channel(preprocessing.deviation)) {
        for (std::size_t l = 0; l <= head_.widths.size(); ++l) {
            const std::string name = "head." + std::to_string(l);
            dense_.emplace_back(tensor_of(tensors, name + ".weight"), tensor_of(tensors, name + ".bias"));
        }
    }

    torch::Tensor operator()(torch::Tensor x) {
        x = x.to(torch::kFloat32);
        if (bgr_) x = x.flip({1});
        x = pool(network_.forward((x - mean_) / deviation_, false), head_.pooling);
        for (std::size_t l = 0; l < dense_.size(); ++l) {
            x = torch::linear(x, dense_[l].first, dense_[l].second);
            if (l + 1 < dense_.size()) x = activate(x, head_.activation(l));
        }
        return binary_ ? torch::constant_pad_nd(x, {1, 0}) : x;
    }

  private:
    TorchNetwork network_;
    Head head_;
    bool binary_, bgr_;
    torch::Tensor mean_, deviation_;
    std::vector<std::pair<torch::Tensor, torch::Tensor>> dense_;  // weight, bias
};

}  // namespace

void save_traced(const LayerGraph& graph, const TensorMap& tensors, const Preprocessing& preprocessing,
                 const Trial& trial, const std::map<std::string, std::string>& about, const std::filesystem::path& to) {
    const torch::NoGradGuard no_gradients;
    Computation computation(graph, tensors, preprocessing, trial);
    const torch::Tensor example = torch::zeros({1, 3, graph.image_size, graph.image_size});
    jit::Module module("Thaw");
    const auto traced = jit::tracer::trace(
        {example}, [&](jit::Stack inputs) { return jit::Stack{computation(inputs.at(0).toTensor())}; },
        [](const torch::Tensor&) { return std::string(); }, /*strict=*/true, /*force_outplace=*/false, &module);
    jit::Function* forward = module._ivalue()->compilation_unit()->create_function(
        c10::QualifiedName(*module.type()->name(), "forward"), traced.first->graph);
    module.type()->addMethod(forward);
    module.eval();
    module.save(to.string(), {about.begin(), about.end()});
}

}  // namespace thaw
