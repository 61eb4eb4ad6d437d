#include "coordinator/sweep/read_head.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace thaw {
namespace {

constexpr std::size_t kMostLayers = 64;  // hidden layers of a head
constexpr int kWidest = 65'536;

int read_width(const AxisContext& context, const YAML::Node& node) {
    return static_cast<int>(context.reader.integer(node, "a layer's width", 1, kWidest));
}

std::vector<int> read_widths(const AxisContext& context, const YAML::Node& node) {
    if (!node.IsSequence()) return {read_width(context, node)};
    if (node.size() == 0)
        context.reader.fail(node, "an empty list of widths; write none for a head without hidden layers");
    if (node.size() > kMostLayers)
        context.reader.fail(node, "a head of {} hidden layers; at most {} are possible", node.size(), kMostLayers);
    std::vector<int> widths;
    for (const YAML::Node& width : node) widths.push_back(read_width(context, width));
    return widths;
}

/// "256-128-64", "256" or "none".
std::vector<int> parse_widths(const AxisContext& context, const YAML::Node& node) {
    const std::string text = context.reader.text(node, "head");
    if (text == "none") return {};
    std::vector<int> widths;
    for (const char *at = text.data(), *end = at + text.size(); at <= end; ++at) {
        int width = 0;
        const auto [stop, error] = std::from_chars(at, end, width);
        if (error != std::errc() || width < 1 || width > kWidest || (stop != end && *stop != '-') ||
            widths.size() == kMostLayers)
            context.reader.fail(node, "head is '{}'; write none, or up to {} widths from 1 to {} such as 256-128-64",
                                text, kMostLayers, kWidest);
        widths.push_back(width);
        at = stop;
    }
    return widths;
}

template <typename Enum>
Enum read_word(const AxisContext& context, const YAML::Node& node, const char* what) {
    return context.reader.at(node, [&] { return parse_name(what, names_of(Enum{}), context.reader.text(node, what)); });
}

/// One for all of `layers` hidden layers, or a list with one a layer; nothing where all are ReLU.
std::vector<HeadActivation> read_activations(const AxisContext& context, const YAML::Node& node, std::size_t layers) {
    if (layers == 0) context.reader.fail(node, "an activation for a head without hidden layers; leave it out");
    std::vector<HeadActivation> activations;
    if (node.IsSequence()) {
        for (const YAML::Node& word : context.reader.list(node, "activation"))
            activations.push_back(read_word<HeadActivation>(context, word, "activation"));
        if (activations.size() != layers)
            context.reader.fail(node, "{} activations for {} hidden layers; give one for all layers or one for each",
                                activations.size(), layers);
    } else {
        activations.assign(layers, read_word<HeadActivation>(context, node, "activation"));
    }
    const bool all_usual = std::all_of(activations.begin(), activations.end(),
                                       [](HeadActivation one) { return one == HeadActivation::relu; });
    return all_usual ? std::vector<HeadActivation>{} : activations;
}

Head read_head_map(const AxisContext& context, const YAML::Node& node) {
    Head head;
    YAML::Node activation;
    for (const auto& entry : context.reader.entries(node, "head", {"pooling", "dense", "activation", "initializer"})) {
        const YAML::Node& value = entry.second;
        if (entry.first == "dense")
            head.widths = value.IsScalar() ? parse_widths(context, value) : read_widths(context, value);
        if (entry.first == "pooling") head.pooling = read_word<Pooling>(context, value, "pooling");
        if (entry.first == "activation") activation.reset(value);
        if (entry.first == "initializer") head.initializer = read_word<Initializer>(context, value, "initializer");
    }
    if (activation.IsDefined() && !activation.IsNull())
        head.activations = read_activations(context, activation, head.widths.size());
    return head;
}

}  // namespace

Setting read_head(const AxisContext& context, const YAML::Node& node) {
    if (node.IsMap()) return read_head_map(context, node);
    Head head;
    head.widths = node.IsSequence() ? read_widths(context, node) : parse_widths(context, node);
    return head;
}

void refuse_ambiguous_head(const YamlReader& reader, const YAML::Node& list) {
    std::vector<std::string> numbers;
    for (const YAML::Node& element : list)
        if (element.IsScalar() && !is_quoted(element) &&
            element.Scalar().find_first_not_of("0123456789") == std::string::npos)
            numbers.push_back(element.Scalar());
    if (numbers.size() < 2 || numbers.size() != list.size()) return;
    reader.fail(list,
                "head is a plain list of numbers; write [[{}]] for one head of {} layers, or [[{}]] for {} heads of "
                "one layer each",
                fmt::join(numbers, ", "), numbers.size(), fmt::join(numbers, "], ["), numbers.size());
}

}  // namespace thaw
