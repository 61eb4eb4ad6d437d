#include "coordinator/sweep/aliases.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

namespace thaw {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

constexpr auto kKeys = std::to_array<Pair>({
    {"lr", "learning_rate"},
    {"batch", "batch_size"},
    {"model", "backbone"},
    {"network", "backbone"},
    {"architecture", "backbone"},
    {"dataset", "data"},
    {"img_size", "image_size"},
    {"input_size", "image_size"},
    {"input_shape", "image_size"},
    {"epoch", "epochs"},
    {"max_epochs", "epochs"},
    {"num_epochs", "epochs"},
    {"seeds", "seed"},
    {"scheduler", "schedule"},
    {"lr_scheduler", "schedule"},
    {"augmentation", "augment"},
    {"class_weight", "class_weights"},
    {"pretrained", "weights"},
    {"trainable", "freeze"},
    {"optim", "optimizer"},
});
/// Within `data:`.
constexpr auto kDataKeys = std::to_array<Pair>({
    {"root", "folder"},
    {"path", "folder"},
    {"dir", "folder"},
    {"directory", "folder"},
});
/// Shares of the images that validate, at the top or within `data:`.
constexpr auto kSplitKeys = std::to_array<std::string_view>({"val_split", "validation_split"});
/// Settings of the optimizer, beside it.
constexpr auto kOptimizerKeys = std::to_array<std::string_view>({"weight_decay", "momentum", "nesterov"});
/// Maps whose entries stand at the top of a sweep file; what `name` is in them.
constexpr auto kGroups = std::to_array<Pair>({
    {"model", "backbone"},
    {"optim", "optimizer"},
    {"trainer", ""},
    {"training", ""},
    {"train", ""},
    {"parameters", ""},
    {"params", ""},
    {"hparams", ""},
    {"hyperparameters", ""},
});
constexpr auto kNotNeeded = std::to_array<Pair>({
    {"metrics", "accuracy, loss and per-class scores are always recorded"},
    {"metric", "trials are ranked by validation accuracy"},
    {"direction", "trials are ranked by validation accuracy"},
    {"num_workers", "every core decodes; --threads limits them"},
    {"verbose", "--quiet and --verbose are options of the command"},
    {"defaults", "a sweep is one file"},
});
constexpr auto kElsewhere = std::to_array<Pair>({
    {"sampler", "draws are random: `search: {random: {trials: N}}`"},
    {"method", "without `search` the whole grid runs; `search: {random: {trials: N}}` draws"},
    {"pruner", "`search: {asha: {}}` or `search: {median: {}}` stops poor trials early"},
    {"early_terminate", "`search: {asha: {}}` or `search: {median: {}}` stops poor trials early"},
    {"callbacks", "write early_stopping, schedule or keep"},
    {"preprocessing", "it belongs to the weights: `weights: {file: F, preprocessing: torch}`"},
    {"padding",
     "it belongs to the weights: `weights: {file: F, padding: tensorflow}`; for published weights it is known"},
    {"hydra", "lists are axes: `learning_rate: [1e-4, 1e-3]`"},
    {"gpus", "`--device`, and one rank a GPU under mpirun"},
    {"device", "`--device auto`, `cpu` or `cuda` is an option of the command"},
    {"devices", "`--device`, and one rank a GPU under mpirun"},
});

struct MeantWord {
    std::string_view key, written, meant;
};
constexpr auto kMeantWords = std::to_array<MeantWord>({
    {"freeze", "All", "all"},
    {"freeze", "None", "none"},
    {"freeze", "true", "all"},
    {"freeze", "True", "all"},
    {"freeze", "false", "none"},
    {"freeze", "False", "none"},
    {"trainable", "true", "none"},
    {"trainable", "True", "none"},
    {"trainable", "false", "all"},
    {"trainable", "False", "all"},
    {"pretrained", "true", "imagenet"},
    {"pretrained", "True", "imagenet"},
    {"pretrained", "false", "random"},
    {"pretrained", "False", "random"},
    {"weights", "none", "random"},
    {"weights", "ImageNet", "imagenet"},
    {"head", "linear", "none"},
    {"head", "null", "none"},
    {"loss", "cross_entropy", "categorical_crossentropy"},
    {"loss", "crossentropy", "categorical_crossentropy"},
    {"loss", "sparse_categorical_crossentropy", "categorical_crossentropy"},
    {"loss", "bce", "binary_crossentropy"},
    {"loss", "binary_cross_entropy", "binary_crossentropy"},
    {"weights.padding", "same", "tensorflow"},
    {"weights.padding", "SAME", "tensorflow"},
});

template <typename Table>
std::optional<std::string> meant_by(const Table& table, std::string_view written) {
    for (const auto& [name, meant] : table)
        if (name == written) return std::string(meant);
    return std::nullopt;
}

template <typename List>
bool contains(const List& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

YAML::Node undefined() {
    return YAML::Node(YAML::NodeType::Undefined);
}

YAML::Node map_of(const std::string& key, const YAML::Node& value) {
    YAML::Node map(YAML::NodeType::Map);
    map.force_insert(key, value);
    return map;
}

YAML::Node entry_of(const YAML::Node& map, const char* key) {
    for (const auto& entry : map)
        if (entry.first.IsScalar() && entry.first.Scalar() == key) return entry.second;
    return undefined();
}

bool is_map_of(const YAML::Node& node, const std::vector<std::string_view>& keys) {
    if (!node.IsMap() || node.size() == 0) return false;
    for (const auto& entry : node)
        if (!entry.first.IsScalar() || !contains(keys, entry.first.Scalar())) return false;
    return true;
}

/// {values: [...]}, {value: x}, {min, max}, {low, high, log}, {distribution, min, max} in our words; else undefined.
YAML::Node own_distribution(const YAML::Node& node) {
    if (!is_map_of(node, {"values", "value", "min", "max", "low", "high", "log", "distribution"})) return undefined();
    for (const char* key : {"values", "value"})
        if (const YAML::Node values = entry_of(node, key); values.IsDefined()) return values;
    const auto end = [&](const char* one, const char* other) {
        const YAML::Node found = entry_of(node, one);
        return found.IsDefined() ? found : entry_of(node, other);
    };
    const YAML::Node low = end("min", "low"), high = end("max", "high");
    if (!low.IsDefined() || !high.IsDefined()) return undefined();
    std::string kind = "uniform";
    if (const YAML::Node log = entry_of(node, "log"); log.IsDefined() && log.IsScalar() && log.Scalar() == "true")
        kind = "log_uniform";
    if (const YAML::Node named = entry_of(node, "distribution"); named.IsDefined() && named.IsScalar()) {
        if (named.Scalar().find("normal") != std::string::npos) return undefined();
        if (named.Scalar().starts_with("log")) kind = "log_uniform";
    }
    YAML::Node ends(YAML::NodeType::Sequence);
    ends.push_back(low);
    ends.push_back(high);
    return map_of(kind, ends);
}

/// 96 of "96x96", [96, 96] and [96, 96, 3]; else the node itself.
YAML::Node side_of(const YAML::Node& node) {
    if (node.IsScalar()) {
        const std::string& text = node.Scalar();
        const std::size_t cross = text.find('x');
        if (cross != std::string::npos && text.substr(0, cross) == text.substr(cross + 1))
            return YAML::Node(text.substr(0, cross));
        return node;
    }
    const bool shape = node.IsSequence() && (node.size() == 2 || node.size() == 3) && node[0].IsScalar() &&
                       node[1].IsScalar() && node[0].Scalar() == node[1].Scalar();
    if (!shape) return node;
    if (node.size() == 3 && (!node[2].IsScalar() || (node[2].Scalar() != "3" && node[2].Scalar() != "1"))) return node;
    return node[0];
}

/// `adam`, or {adam: {...}}, with one more setting.
YAML::Node with_setting(const YAML::Node& optimizer, const YAML::Node& key, const YAML::Node& value) {
    YAML::Node settings(YAML::NodeType::Map);
    std::string name = optimizer.IsScalar() ? optimizer.Scalar() : "";
    if (optimizer.IsMap() && optimizer.size() == 1) {
        name = optimizer.begin()->first.Scalar();
        for (const auto& entry : optimizer.begin()->second) settings.force_insert(entry.first, entry.second);
    }
    settings.force_insert(key, value);
    return map_of(name, settings);
}

class Rewriter {
  public:
    Rewriter(const Vocabulary& vocabulary, std::vector<std::string>& notes) : vocabulary_(vocabulary), notes_(notes) {}

    YAML::Node operator()(const YAML::Node& document) {
        for (const auto& entry : document) top(entry.first, entry.second);
        add_split();
        for (const auto& [key, value] : settings_) add_to_optimizer(key, value);
        name_torchvision_weights();
        YAML::Node map(YAML::NodeType::Map);
        for (const auto& [key, value] : entries_) map.force_insert(key, value);
        return map;
    }

  private:
    using Entry = std::pair<YAML::Node, YAML::Node>;

    void note(const std::string& written, const std::string& meant) {
        std::string line = fmt::format("{} is read as {}", written, meant);
        if (!contains(notes_, line)) notes_.push_back(std::move(line));
    }

    /// The node itself changes, and so stays where it stands.
    void respell(YAML::Node scalar, const std::string& meant, const std::string& shown) {
        note(shown + scalar.Scalar(), shown + meant);
        scalar = meant;
    }

    void top(const YAML::Node& key, const YAML::Node& value) {
        const std::string name = key.IsScalar() ? key.Scalar() : "";
        const auto group = meant_by(kGroups, name);
        if (group && value.IsMap() && !own_distribution(value).IsDefined()) {
            for (const auto& entry : value) {
                if (entry.first.IsScalar() && entry.first.Scalar() == "name" && !group->empty())
                    respell(entry.first, *group, "");
                top(entry.first, entry.second);
            }
        } else if (const auto why = meant_by(kNotNeeded, name)) {
            notes_.push_back(fmt::format("{} is not needed: {}", name, *why));
        } else if (contains(kSplitKeys, name)) {
            split_.emplace(key, value);
        } else if (contains(kOptimizerKeys, name)) {
            settings_.emplace_back(key, value);
        } else if (name == "n_trials") {
            note(name, "search: {random: {trials}}");
            entries_.emplace_back(YAML::Node("search"), map_of("random", map_of("trials", value)));
        } else {
            entries_.emplace_back(key, own_value(key, name, value));
        }
    }

    /// Changes the key too.
    YAML::Node own_value(const YAML::Node& key, const std::string& name, YAML::Node value) {
        if (const YAML::Node plain = own_distribution(value); plain.IsDefined()) value.reset(plain);
        const std::string own = meant_by(kKeys, name).value_or(name);
        for_each_scalar(value, [&](const YAML::Node& scalar) { respell_word(name, own, scalar); });
        if (own != name) respell(key, own, "");
        if (own == "data") return own_data(value);
        if (own == "search") return own_search(value);
        if (own == "image_size") return for_each(side_of(value), side_of);
        if (own == "optimizer") return for_each(value, [&](const YAML::Node& one) { return own_optimizer(one); });
        if (own == "freeze") for_each_scalar(value, [&](const YAML::Node& scalar) { respell_share(scalar); });
        if (own == "weights" && value.IsMap())
            if (const YAML::Node padding = entry_of(value, "padding"); padding.IsDefined())
                respell_word("weights.padding", "weights.padding", padding);
        return value;
    }

    template <typename Change>
    static void for_each_scalar(const YAML::Node& value, Change change) {
        if (value.IsSequence())
            for (const YAML::Node& element : value) change(element);
        else
            change(value);
    }

    template <typename Change>
    static YAML::Node for_each(const YAML::Node& value, Change change) {
        if (!value.IsSequence()) return change(value);
        YAML::Node list(YAML::NodeType::Sequence);
        for (const YAML::Node& element : value) list.push_back(change(element));
        return list;
    }

    void respell_word(const std::string& key, const std::string& own, YAML::Node scalar) {
        if (!scalar.IsScalar() && !scalar.IsNull()) return;
        const std::string written = scalar.IsNull() ? "null" : scalar.Scalar();
        if (scalar.IsScalar() && is_quoted(scalar)) return;
        for (const MeantWord& word : kMeantWords) {
            if (word.key != key || word.written != written) continue;
            note(key + ": " + written, fmt::format("{}: {}", own, word.meant));
            scalar = std::string(word.meant);
            return;
        }
    }

    /// 0.5 as a share; 1.0 could be all or one layer, and is left.
    void respell_share(const YAML::Node& scalar) {
        if (!scalar.IsScalar() || !scalar.Scalar().starts_with("0.")) return;
        char* end = nullptr;
        const double share = std::strtod(scalar.Scalar().c_str(), &end);
        if (*end == '\0' && share > 0) respell(scalar, fmt::format("{}%", share * 100), "freeze: ");
    }

    YAML::Node own_data(const YAML::Node& value) {
        if (value.IsScalar()) {
            note("data: " + value.Scalar(), "data: {folder: " + value.Scalar() + "}");
            return map_of("folder", value);
        }
        if (!value.IsMap()) return value;
        YAML::Node map(YAML::NodeType::Map);
        bool changes = false;
        for (const auto& entry : value) {
            const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
            if (const auto meant = meant_by(kDataKeys, name)) respell(entry.first, *meant, "data.");
            const bool is_share = name == "split" && entry.second.IsScalar() && entry.second.Scalar().starts_with("0.");
            const bool is_split = contains(kSplitKeys, name);
            changes |= is_share || is_split;
            if (is_split)
                split_.emplace(entry.first, entry.second);
            else
                map.force_insert(entry.first, is_share ? map_of("validation", entry.second) : entry.second);
        }
        return changes ? map : value;  // which has a place
    }

    void add_split() {
        if (!split_) return;
        for (const auto& [key, value] : entries_) {
            if (!key.IsScalar() || key.Scalar() != "data" || !value.IsMap() || entry_of(value, "split").IsDefined())
                continue;
            note(split_->first.Scalar(), "data: {split: {validation}}");
            YAML::Node data = value;
            data.force_insert("split", map_of("validation", split_->second));
            return;
        }
        entries_.push_back(*split_);  // beside another split, or without data: the reader says so
    }

    YAML::Node own_search(const YAML::Node& value) {
        if (!value.IsMap() || !entry_of(value, "random").IsDefined() || !entry_of(value, "random").IsScalar())
            return value;
        YAML::Node map(YAML::NodeType::Map);
        for (const auto& entry : value) {
            const bool is_count = entry.first.Scalar() == "random" && entry.second.IsScalar();
            map.force_insert(entry.first, is_count ? map_of("trials", entry.second) : entry.second);
        }
        return map;
    }

    /// adam of {name: adam}, {adam: {beta1: 0.8}} of {name: adam, beta1: 0.8}; a rate in it goes beside it.
    YAML::Node own_optimizer(const YAML::Node& value) {
        const YAML::Node name = value.IsMap() ? entry_of(value, "name") : undefined();
        if (!name.IsDefined() || !name.IsScalar()) return value;
        YAML::Node settings(YAML::NodeType::Map);
        for (const auto& entry : value) {
            const std::string& key = entry.first.Scalar();
            if (key == "lr" || key == "learning_rate")
                top(entry.first, entry.second);
            else if (key != "name")
                settings.force_insert(entry.first, entry.second);
        }
        return settings.size() == 0 ? name : map_of(name.Scalar(), settings);
    }

    void add_to_optimizer(const YAML::Node& key, const YAML::Node& value) {
        note(key.Scalar(), fmt::format("a setting of the optimizer, optimizer: {{NAME: {{{}: ...}}}}", key.Scalar()));
        for (auto& [name, optimizer] : entries_)
            if (name.IsScalar() && name.Scalar() == "optimizer")
                return optimizer.reset(
                    for_each(optimizer, [&](const YAML::Node& one) { return with_setting(one, key, value); }));
        entries_.emplace_back(YAML::Node("optimizer"), with_setting(YAML::Node("adam"), key, value));
    }

    /// torchvision's names of editions, which the registry has under the backbone's name.
    void name_torchvision_weights() {
        std::string backbone;
        for (const auto& [key, value] : entries_)
            if (key.IsScalar() && key.Scalar() == "backbone" && value.IsScalar()) backbone = value.Scalar();
        const auto edition = [&](int number) { return fmt::format("{}-imagenet-torchvision{}", backbone, number); };
        for (const auto& [key, value] : entries_) {
            if (!key.IsScalar() || key.Scalar() != "weights" || !value.IsScalar()) continue;
            const std::string written = value.Scalar();
            const bool newest = written == "DEFAULT";
            std::string found;
            for (const int number : {1, 2})
                if ((newest || written == fmt::format("IMAGENET1K_V{}", number)) &&
                    contains(vocabulary_.weights, edition(number)))
                    found = edition(number);
            if (!found.empty()) respell(value, found, "weights: ");
        }
    }

    const Vocabulary& vocabulary_;
    std::vector<std::string>& notes_;
    std::vector<Entry> entries_, settings_;
    std::optional<Entry> split_;
};

}  // namespace

YAML::Node in_own_words(const YAML::Node& document, const Vocabulary& vocabulary, std::vector<std::string>& notes) {
    return document.IsMap() ? Rewriter(vocabulary, notes)(document) : document;
}

std::string said_elsewhere(const std::string& key) {
    return meant_by(kElsewhere, key).value_or("");
}

}  // namespace thaw
