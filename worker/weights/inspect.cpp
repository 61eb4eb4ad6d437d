#include "worker/weights/inspect.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "common/backbones/backbones.hpp"
#include "common/util/byte_size.hpp"
#include "common/util/error.hpp"
#include "worker/weights/fit_weights.hpp"
#include "worker/weights/printable.hpp"
#include "worker/weights/safetensors.hpp"

namespace thaw {
namespace {

LayerGraph default_graph(const std::string& backbone) {
    return build_backbone(backbone, find_backbone(backbone).default_image_size, PaddingStyle::symmetric);
}

std::string tensor_lines(const TensorMap& tensors) {
    std::size_t width = 4;
    for (const auto& [name, tensor] : tensors) width = std::max(width, printable(name).size());
    std::string text;
    for (const auto& [name, tensor] : tensors)
        text += fmt::format("{:<{}}  {:<5} [{}]\n", printable(name), width, tensor.stored_as,
                            fmt::join(tensor.shape, ", "));
    return text;
}

std::string totals(const WeightsFile& file) {
    std::size_t elements = 0;
    for (const auto& [name, tensor] : file.tensors) elements += tensor.values.size();
    return fmt::format("{}: {} tensors, {} numbers, {} as float32\n", file.format, file.tensors.size(), elements,
                       byte_size_text(static_cast<std::int64_t>(elements * sizeof(float))));
}

std::string match_line(const NetworkMatch& match) {
    if (match.placed == 0) return "it fits no backbone that thaw knows\n";
    const std::string others = match.extra > 0 ? fmt::format(", and {} others", match.extra) : "";
    if (match.fits())
        return fmt::format("fits backbone '{}': all {} tensors of its base{}\n", match.backbone, match.needed, others);
    return fmt::format("fits no backbone; the closest is '{}': {} of {} tensors of its base{}\n", match.backbone,
                       match.placed, match.needed, others);
}

std::string taken_line(const WeightsFit& fit) {
    const std::string text = taken_text(fit);
    return text.empty() ? "" : text + "\n";
}

std::string fit_lines(const std::string& backbone, const WeightsFit& fit) {
    std::string text = fmt::format("{} backbone '{}'\n", fit.fits() ? "fits" : "does not fit", backbone);
    text += taken_line(fit);
    const auto list = [&](const char* what, const std::vector<std::string>& items) {
        if (!items.empty()) text += fmt::format("{} {}:\n  {}\n", items.size(), what, fmt::join(items, "\n  "));
    };
    list("missing", fit.missing);
    list("of another shape", fit.misshapen);
    list("it has no place for", fit.extra);
    return text;
}

}  // namespace

std::string inspect_weights(const std::filesystem::path& path, const std::string& backbone) {
    const WeightsFile file = read_weights_file(path);
    std::string text = tensor_lines(file.tensors) + totals(file);
    if (const std::string faults = not_finite_text(file.tensors); !faults.empty())
        text += "not usable where these are needed: " + faults + "\n";
    if (!backbone.empty()) return text + fit_lines(backbone, find_fit(default_graph(backbone), file));
    const NetworkMatch match = closest_network(file);
    text += match_line(match);
    if (match.fits()) text += taken_line(find_fit(default_graph(match.backbone), file));
    return text;
}

std::string convert_weights(const std::filesystem::path& from, const std::filesystem::path& to,
                            const std::string& backbone) {
    WeightsFile file = read_weights_file(from);
    std::string network = backbone;
    if (network.empty())
        if (const NetworkMatch match = closest_network(file); match.fits()) network = match.backbone;
    std::map<std::string, std::string> about = {{"converted_from", from.filename().string()}};
    TensorMap tensors;
    if (network.empty()) {
        tensors = std::move(file.tensors);
    } else {
        tensors = fit_weights(default_graph(network), std::move(file), from.string());
        about["backbone"] = network;
    }
    try {
        write_safetensors(to, tensors, about);
    } catch (const std::system_error& error) {
        throw UserError("{}", error.what());
    }
    return fmt::format("{}: {} tensors {}\n", to.string(), tensors.size(),
                       network.empty() ? "under their own names: it fits no backbone that thaw knows"
                                       : fmt::format("of backbone '{}'", network));
}

}  // namespace thaw
