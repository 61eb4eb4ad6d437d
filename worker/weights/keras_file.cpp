#include "worker/weights/keras_file.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "common/util/error.hpp"
#include "worker/weights/hdf5.hpp"
#include "worker/weights/printable.hpp"
#include "worker/weights/zip_archive.hpp"

namespace thaw {
namespace {

/// The list of that name; long ones are cut into NAME0, NAME1, ...
std::vector<std::string> list_of(const Hdf5Content& content, const std::string& name) {
    if (const auto whole = content.texts.find(name); whole != content.texts.end()) return whole->second;
    std::vector<std::string> items;
    for (int part = 0;; ++part) {
        const auto found = content.texts.find(name + std::to_string(part));
        if (found == content.texts.end()) return items;
        items.insert(items.end(), found->second.begin(), found->second.end());
    }
}

/// TensorFlow ends its variables' names by the number of an output.
std::string without_output(std::string name) {
    const std::size_t colon = name.rfind(':');
    if (colon != std::string::npos) name.resize(colon);
    return name;
}

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}

class Builder {
  public:
    Builder(Hdf5Content content, std::string format) : content_(std::move(content)) {
        file_.format = std::move(format);
    }

    /// Keras 1 and 2: the lists of layers and of their weights are attributes. `root` ends with a slash or is empty.
    WeightsFile by_lists(const std::string& root, const std::string& layers_key) {
        std::set<std::string> seen;
        for (const std::string& layer : list_of(content_, layers_key))
            if (seen.insert(layer).second) add_listed(root, layer);
        return finish();
    }

    /// Keras 3: a layer's weights are numbered in its folder PATH/vars, whose attribute is its name.
    WeightsFile by_folders() {
        std::map<std::string, std::map<unsigned, std::string>> layers;
        for (const auto& [path, tensor] : content_.datasets) {
            const std::string folder = folder_of(path), number = path.substr(folder.empty() ? 0 : folder.size() + 1);
            unsigned index = 0;
            const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), index);
            if (folder.ends_with("/vars") && error == std::errc() && *end == '\0') layers[folder][index] = path;
        }
        for (const auto& [folder, weights] : layers) {
            const std::string path = folder_of(folder), parent = folder_of(path);
            KerasLayer layer{folder_of(parent), name_of(path), path.substr(parent.empty() ? 0 : parent.size() + 1), {}};
            for (const auto& [index, dataset] : weights)
                layer.weights.push_back(take(dataset, spoken(path) + "/" + std::to_string(index)));
            file_.keras.push_back(std::move(layer));
        }
        return finish();
    }

  private:
    void add_listed(const std::string& root, const std::string& layer) {
        KerasLayer whole{"", layer, "", {}};
        std::vector<KerasLayer> inner;  // where the layer is a model itself
        std::map<std::string, std::size_t> places;
        for (const std::string& weight : list_of(content_, root + layer + "@weight_names")) {
            std::string name = without_output(weight);
            if (name.starts_with(layer + "/")) name.erase(0, layer.size() + 1);
            const std::string key = take(root + layer + "/" + weight, layer + "/" + name), folder = folder_of(name);
            whole.weights.push_back(key);
            const auto [place, added] = places.emplace(folder, inner.size());
            if (added) inner.push_back({layer, folder, "", {}});
            inner[place->second].weights.push_back(key);
        }
        if (whole.weights.empty()) return;
        file_.keras.push_back(std::move(whole));
        if (inner.size() > 1) file_.keras.insert(file_.keras.end(), inner.begin(), inner.end());
    }

    /// Its own name in the model; empty where the file does not say.
    std::string name_of(const std::string& path) const {
        const auto found = content_.texts.find(path + "/vars@name");
        return found == content_.texts.end() || found->second.empty() ? "" : found->second[0];
    }

    /// "layers/functional/layers/conv2d" as its names tell it: "base/conv1".
    std::string spoken(const std::string& path) const {
        const std::string parent = folder_of(path);
        const std::string leaf = path.substr(parent.empty() ? 0 : parent.size() + 1);
        if (parent.empty()) return leaf;
        const std::string own = name_of(path), outer = folder_of(parent);
        const bool is_layer = parent.ends_with("layers") || parent.ends_with("_layer_checkpoint_dependencies");
        if (!is_layer) return spoken(parent) + "/" + leaf;
        return (outer.empty() ? "" : spoken(outer) + "/") + (own.empty() ? leaf : own);
    }

    /// Moves a dataset among the file's tensors, and tells under which name.
    std::string take(const std::string& path, std::string name) {
        if (const auto known = taken_.find(path); known != taken_.end()) return known->second;
        const auto found = content_.datasets.find(path);
        if (found == content_.datasets.end())
            throw UserError("'{}' is in its list of weights but not in it; the file is damaged, fetch it again",
                            printable(path));
        if (file_.tensors.contains(name)) name = path;
        file_.tensors[name] = std::move(found->second);
        content_.datasets.erase(found);
        return taken_[path] = name;
    }

    /// What belongs to no layer, an optimizer's state, keeps its path.
    WeightsFile finish() {
        if (file_.keras.empty())
            throw UserError(
                "it is an HDF5 file, but has no layers as Keras writes them; save it with model.save_weights");
        file_.tensors.merge(content_.datasets);
        return std::move(file_);
    }

    Hdf5Content content_;
    WeightsFile file_;
    std::map<std::string, std::string> taken_;  // name by path
};

WeightsFile read_image(std::span<const std::byte> image) {
    Hdf5Content content = read_hdf5(image);
    const auto has_layers = [&](const std::string& key) {
        return content.texts.contains(key) || content.texts.contains(key + "0");
    };
    if (has_layers("model_weights@layer_names"))
        return Builder(std::move(content), "Keras model in HDF5")
            .by_lists("model_weights/", "model_weights@layer_names");
    if (has_layers("@layer_names"))
        return Builder(std::move(content), "Keras weights in HDF5").by_lists("", "@layer_names");
    return Builder(std::move(content), "Keras 3 weights in HDF5").by_folders();
}

constexpr const char* kWeightsRecord = "model.weights.h5";

}  // namespace

WeightsFile read_keras_hdf5(const FileReader& file) {
    const MappedFile image(file);
    return read_image(image.bytes());
}

WeightsFile read_keras_zip(const std::filesystem::path& path, const FileReader& file) {
    const ZipArchive archive(path, file.size());
    if (!archive.has(kWeightsRecord))
        throw UserError("it is a zip archive with neither a data.pkl (torch.save) nor a {} (Keras)", kWeightsRecord);
    WeightsFile weights = read_image(archive.read<std::vector<std::byte>>(kWeightsRecord, 0, archive.content_bytes()));
    weights.format = "Keras model (.keras)";
    return weights;
}

}  // namespace thaw
