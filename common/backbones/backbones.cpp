#include "common/backbones/backbones.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/backbones/families.hpp"
#include "common/util/error.hpp"
#include "common/util/nearest.hpp"

namespace thaw {
namespace {

constexpr int kLargestImageSize = 8192;  // pixels; above it, it is a slip of the pen

/// Of each publisher's weights, the order in which they are listed.
constexpr const std::vector<BackboneRow>& (*kFamilies[])() = {
    mobilenet_v2_rows,    efficientnet_lite_rows, alexnet_rows,        resnet_rows,       densenet_rows,
    inception_v3_rows,    mobilenet_v3_rows,      squeezenet_rows,     xception_rows,     vgg_rows,
    keras_inception_rows, keras_resnet_rows,      keras_densenet_rows, mobilenet_v1_rows, keras_mobilenet_v2_rows,
    nasnet_rows,          efficientnet_rows};

/// All, sorted by name.
const std::vector<BackboneRow>& rows() {
    static const std::vector<BackboneRow> table = [] {
        std::vector<BackboneRow> all;
        for (const auto& family : kFamilies) all.insert(all.end(), family().begin(), family().end());
        std::sort(all.begin(), all.end(),
                  [](const BackboneRow& a, const BackboneRow& b) { return a.info.name < b.info.name; });
        return all;
    }();
    return table;
}

const BackboneRow& find_row(const std::string& name) {
    std::vector<std::string> names;
    for (const BackboneRow& row : rows()) {
        if (row.info.name == name) return row;
        names.push_back(row.info.name);
    }
    throw UserError("unknown backbone '{}'{}", name, instead_of(name, names, "thaw backbones"));
}

}  // namespace

std::vector<PublishedWeights> with_keras(std::vector<PublishedWeights> others,
                                         const std::vector<PublishedWeights>& keras) {
    others.insert(others.end(), keras.begin(), keras.end());
    return others;
}

std::vector<std::pair<std::string, PublishedWeights>> published_weights() {
    std::vector<std::pair<std::string, PublishedWeights>> all;
    for (const auto& family : kFamilies)
        for (const BackboneRow& row : family())
            for (const PublishedWeights& weights : row.weights) all.emplace_back(row.info.name, weights);
    // TensorFlow's by name, as they were first listed.
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        const auto place = [](const auto& entry) {
            const Publisher publisher = entry.second.publisher;
            return std::pair(publisher, publisher == Publisher::tensorflow ? entry.first : "");
        };
        return place(a) < place(b);
    });
    return all;
}

const std::vector<BackboneInfo>& backbones() {
    static const std::vector<BackboneInfo> infos = [] {
        std::vector<BackboneInfo> all;
        for (const BackboneRow& row : rows()) all.push_back(row.info);
        return all;
    }();
    return infos;
}

const BackboneInfo& find_backbone(const std::string& name) {
    return find_row(name).info;
}

LayerGraph build_backbone(const std::string& name, int image_size, PaddingStyle padding, int classes) {
    const BackboneRow& row = find_row(name);
    if (image_size < row.info.smallest_image_size || image_size > kLargestImageSize)
        throw UserError(
            "{} cannot take images of {} pixels; its images are from {} to {} pixels a side (its weights "
            "were trained at {})",
            name, image_size, row.info.smallest_image_size, kLargestImageSize, row.info.default_image_size);
    THAW_CHECK(classes >= 1, "{} classes", classes);
    GraphBuilder graph(name, image_size, padding);
    row.build(graph, classes);
    return graph.finish();
}

LayerGraph graph_of_trial(const Trial& trial, PaddingStyle padding) {
    return cut_off(build_backbone(trial.backbone, trial.image_size, padding), trial.base_layers);
}

}  // namespace thaw
