#include "worker/weights/name_fit.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "worker/weights/printable.hpp"

namespace thaw {
namespace {

/// Names that PyTorch's wrappers put in between; no layer has them.
constexpr std::string_view kWrappers[] = {"module.", "_orig_mod.", "_fsdp_wrapped_module.",
                                          "_checkpoint_wrapped_module."};

bool begins_with_wrapper(std::string_view name) {
    return std::ranges::any_of(kWrappers, [&](std::string_view wrapper) { return name.starts_with(wrapper); });
}

/// "features.module.0.weight" -> "features.0.weight": the wrapper may be around a part.
std::string unwrapped(std::string_view name) {
    std::string kept;
    while (!name.empty()) {
        const std::size_t dot = std::min(name.find('.'), name.size() - 1);
        const std::string_view part = name.substr(0, dot + 1);
        if (std::ranges::find(kWrappers, part) == std::end(kWrappers)) kept += part;
        name.remove_prefix(part.size());
    }
    return kept;
}

/// The names in the file, by those that the graph has for them.
using Sources = std::map<std::string, std::string>;

/// All ways to read the file: what of the graph is found under each prefix that some name of the file begins with.
std::map<std::string, Sources> readings(const std::set<std::string>& needed, const TensorMap& tensors) {
    constexpr int kMostParts = 12;  // of a layer's name
    std::map<std::string, Sources> found;
    for (const auto& [name, tensor] : tensors) {
        std::size_t begin = name.size();
        for (int parts = 0; parts < kMostParts && begin > 0; ++parts) {
            const std::size_t dot = begin < 2 ? name.npos : name.rfind('.', begin - 2);
            begin = dot == name.npos ? 0 : dot + 1;
            const std::string_view rest = std::string_view(name).substr(begin);
            if (begins_with_wrapper(rest)) continue;
            std::string known = unwrapped(rest);
            if (needed.contains(known)) found[name.substr(0, begin)].emplace(std::move(known), name);
        }
    }
    return found;
}

/// Averaged weights, and second networks that follow a first one, by the words in their names.
bool is_averaged(std::string_view prefix) {
    static const std::set<std::string_view> kWords = {"ema", "swa", "averaged", "momentum", "target", "k"};
    while (!prefix.empty()) {
        const std::size_t end = std::min(prefix.find_first_of("._"), prefix.size());
        if (kWords.contains(prefix.substr(0, end))) return true;
        prefix.remove_prefix(std::min(end + 1, prefix.size()));
    }
    return false;
}

/// Of prefixes under which as much fits, the one that the smallest of these belongs to is taken.
auto preference(const std::string& prefix) {
    int place = 0;
    for (const char* usual : {"state_dict.", "model_state_dict.", "model."}) {
        if (prefix.starts_with(usual)) break;
        ++place;
    }
    return std::tuple(is_averaged(prefix), prefix.empty() ? -1 : place, prefix.size(), prefix);
}

WeightsFit fit_under(const std::vector<NeededTensor>& needed, const TensorMap& tensors, const Sources& sources) {
    WeightsFit fit;
    std::set<std::string> known;
    for (const NeededTensor& tensor : needed) {
        const auto found = sources.find(tensor.name);
        if (found == sources.end()) {
            if (tensor.base) fit.missing.push_back(tensor.name);
            continue;
        }
        known.insert(found->second);
        const std::vector<std::int64_t>& shape = tensors.at(found->second).shape;
        if (shape == tensor.shape)
            fit.placed.push_back({tensor, found->second, Layout::same, {}});
        else if (tensor.base)
            fit.misshapen.push_back(fmt::format("{} is [{}], needs [{}]", tensor.name, fmt::join(shape, ", "),
                                                fmt::join(tensor.shape, ", ")));
    }
    for (const auto& [name, tensor] : tensors)
        if (!known.contains(name) && !name.ends_with(".num_batches_tracked")) fit.extra.push_back(printable(name));
    return fit;
}

}  // namespace

WeightsFit find_name_fit(const LayerGraph& graph, const WeightsFile& file) {
    const std::vector<NeededTensor> needed = needed_tensors(graph);
    std::set<std::string> names;
    for (const NeededTensor& tensor : needed) names.insert(tensor.name);
    const std::map<std::string, Sources> found = readings(names, file.tensors);
    const auto fitting = [&](const Sources& sources) {
        return std::ranges::count_if(needed, [&](const NeededTensor& tensor) {
            const auto source = sources.find(tensor.name);
            return tensor.base && source != sources.end() && file.tensors.at(source->second).shape == tensor.shape;
        });
    };
    std::map<std::ptrdiff_t, std::vector<std::string>> by_count;
    for (const auto& [prefix, sources] : found) by_count[fitting(sources)].push_back(prefix);
    if (by_count.empty()) return fit_under(needed, file.tensors, {});
    std::vector<std::string>& best = by_count.rbegin()->second;
    std::ranges::sort(best, {}, &preference);
    WeightsFit fit = fit_under(needed, file.tensors, found.at(best[0]));
    fit.under = best[0];
    if (fit.fits()) fit.also_under.assign(best.begin() + 1, best.end());
    return fit;
}

}  // namespace thaw
