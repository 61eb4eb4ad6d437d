#include "worker/torch/torchscript.hpp"

#include <nlohmann/json.hpp>
#include <system_error>

#include "common/util/error.hpp"
#include "worker/torch/traced_network.hpp"

namespace thaw {

void write_torchscript(const Checkpoint& checkpoint, const std::filesystem::path& to) {
    TensorMap tensors = checkpoint.base;
    for (const auto& [name, tensor] : checkpoint.trained) tensors[name] = tensor;
    const std::string about =
        nlohmann::json(checkpoint.about).dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
    const std::filesystem::path unfinished = to.string() + ".part";
    try {
        save_traced(checkpoint.graph, tensors, checkpoint.preprocessing, checkpoint.trial, {{"thaw.json", about}},
                    unfinished);
        std::filesystem::rename(unfinished, to);
    } catch (const std::exception& error) {
        std::error_code ignored;
        std::filesystem::remove(unfinished, ignored);
        throw UserError("cannot write {}: {}", to.string(), error.what());
    }
}

}  // namespace thaw
