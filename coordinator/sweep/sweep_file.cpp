#include "coordinator/sweep/sweep_file.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <regex>
#include <tuple>

#include "common/util/byte_size.hpp"
#include "coordinator/sweep/aliases.hpp"
#include "coordinator/sweep/read_phases.hpp"
#include "coordinator/sweep/sweep_path.hpp"

namespace thaw {
namespace {

constexpr std::size_t kLargestFile = 4 << 20;  // bytes
constexpr std::size_t kLongestName = 100;
constexpr int kMostRanks = 100'000;

bool fits_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/// The file's stem, with what a name must not hold replaced.
std::string default_name(const std::filesystem::path& file) {
    std::string name = file.stem().string().substr(0, kLongestName);
    std::replace_if(
        name.begin(), name.end(), [](char c) { return !fits_name(c); }, '_');
    return name.empty() ? "sweep" : name;
}

std::string read_name(const YamlReader& reader, const YAML::Node& node) {
    const std::string name = reader.text(node, "name");
    if (name.size() > kLongestName || !std::all_of(name.begin(), name.end(), fits_name))
        reader.fail(node, "name is '{}'; it must be up to {} letters, digits, - and _, for it names a folder", name,
                    kLongestName);
    return name;
}

/// 0 for auto.
int read_ranks_per_trial(const YamlReader& reader, const YAML::Node& node) {
    const std::string text = reader.text(node, "ranks_per_trial");
    if (text == "auto") return 0;
    if (text.find_first_not_of("+-.0123456789") != std::string::npos)
        reader.fail(node, "ranks_per_trial is '{}'; write how many ranks train one trial together, or auto", text);
    return static_cast<int>(reader.integer(node, "ranks_per_trial", 1, kMostRanks));
}

/// Of the kind that JavaScript has (ECMAScript).
std::string read_expression(const YamlReader& reader, const YAML::Node& node, const std::string& what) {
    std::string expression = reader.text(node, what);
    try {
        static_cast<void>(std::regex(expression));
    } catch (const std::regex_error& error) {
        reader.fail(node, "{} is no regular expression: {}", what, error.what());
    }
    return expression;
}

SplitOptions read_split(const YamlReader& reader, const YAML::Node& node, Place& folds_place) {
    SplitOptions split;
    YAML::Node validation;
    const auto method = [&](const YAML::Node& word) {
        return reader.at(word, [&] { return parse_split_method(reader.text(word, "split method")); });
    };
    if (node.IsScalar()) {
        split.method = method(node);
        return split;
    }
    for (const auto& [key, value] :
         reader.entries(node, "data.split", {"method", "validation", "test", "seed", "folds", "group"})) {
        if (key == "method") split.method = method(value);
        if (key == "test") split.test = reader.number(value, "data.split.test", {0, false, 1, false});
        if (key == "group") split.group = read_expression(reader, value, "data.split.group");
        if (key == "validation") {
            split.validation = reader.number(value, "data.split.validation", {0, false, 1, false});
            validation.reset(value);
        }
        if (key == "folds") {
            split.folds = static_cast<int>(reader.integer(value, "data.split.folds", 2, kMostFolds));
            folds_place = place_of(value);
        }
        if (key == "seed")
            split.seed = static_cast<std::uint64_t>(
                reader.integer(value, "data.split.seed", 0, std::numeric_limits<std::int64_t>::max()));
    }
    if (split.folds != 0 && !validation.IsNull())
        reader.fail(validation,
                    "validation and folds in one split; with {} folds each part validates once: remove "
                    "one of the two",
                    split.folds);
    if (split.validation + split.test >= 1)
        reader.fail(node, "validation: {} and test: {} leave nothing to train on", split.validation, split.test);
    if (split.method != SplitMethod::stratified && (split.test != 0 || !split.group.empty()))
        reader.fail(node, "the split '{}' is Keras' own, which knows no `{}`; take 'stratified'",
                    to_string(split.method), split.test != 0 ? "test" : "group");
    return split;
}

SweepData read_data(const YamlReader& reader, const YAML::Node& node) {
    SweepData data;
    const std::vector<std::string> keys = {"folder", "split", "resize", "interpolation", "grey", "on_bad_image"};
    for (const auto& [key, value] : reader.entries(node, "data", keys)) {
        const auto parsed = [&, &key = key, &value = value](auto parse) {
            return reader.at(value, [&] { return parse(reader.text(value, "data." + key)); });
        };
        if (key == "folder") {
            data.folder = read_path(reader, value, "data.folder");
            data.folder_place = place_of(value);
        }
        if (key == "split") data.split = read_split(reader, value, data.folds_place);
        if (key == "resize") data.decode.resize = parsed(parse_resize_method);
        if (key == "interpolation") data.decode.interpolation = parsed(parse_interpolation);
        if (key == "grey") data.decode.grey = reader.boolean(value, "data.grey");
        if (key == "on_bad_image") data.on_bad_image = parsed(parse_on_bad_image);
    }
    if (data.folder.empty())
        reader.fail(node, "data has no folder; add `folder: PATH`, a folder with one folder of images a class");
    return data;
}

RandomSearch read_random(const YamlReader& reader, const YAML::Node& node) {
    RandomSearch random;
    for (const auto& [key, value] : reader.entries(node, "search.random", {"trials", "seed"})) {
        if (key == "trials") {
            random.trials = static_cast<std::size_t>(reader.integer(value, "search.random.trials", 1, 100'000'000));
            random.place = place_of(value);
        }
        if (key == "seed")
            random.seed = static_cast<std::uint64_t>(
                reader.integer(value, "search.random.seed", 0, std::numeric_limits<std::int64_t>::max()));
    }
    if (random.trials == 0) reader.fail(node, "search.random has no trials; say how many to draw: {{trials: 40}}");
    return random;
}

/// Both stopping rules are two whole numbers with defaults.
template <typename Rule>
Rule read_stopping(const YamlReader& reader, const YAML::Node& node, const std::string& what,
                   const std::vector<std::tuple<std::string, int Rule::*, int>>& keys) {
    std::vector<std::string> names;
    for (const auto& [name, member, least] : keys) names.push_back(name);
    Rule rule;
    for (const auto& [key, value] : reader.entries(node, what, names))
        for (const auto& [name, member, least] : keys)
            if (key == name) rule.*member = static_cast<int>(reader.integer(value, what + "." + key, least, 100'000));
    return rule;
}

Search read_search(const YamlReader& reader, const YAML::Node& node) {
    Search search;
    const auto entries = reader.entries(node, "search", {"random", "asha", "median"});
    if (entries.empty()) reader.fail(node, "search is an empty map; give it random, asha or median");
    for (const auto& [key, value] : entries) {
        if (key == "random") {
            search.random = read_random(reader, value);
            continue;
        }
        if (!std::holds_alternative<std::monostate>(search.stopping))
            reader.fail(value, "asha and median in one search; a trial is stopped by one rule: remove the other");
        if (key == "asha")
            search.stopping = read_stopping<Halving>(
                reader, value, "search.asha",
                {{"reduction_factor", &Halving::reduction_factor, 2}, {"first_rung", &Halving::first_rung, 1}});
        else
            search.stopping = read_stopping<MedianStopping>(
                reader, value, "search.median",
                {{"grace", &MedianStopping::grace, 1}, {"every", &MedianStopping::every, 1}});
    }
    return search;
}

void require_random_for_distributions(const Sweep& sweep) {
    for (const Axis& axis : sweep.axes)
        if (axis.distribution && !sweep.search.random)
            throw error_at(sweep.source, axis.distribution->place,
                           fmt::format("{} has a distribution, but nothing is drawn: add `search: {{random: {{trials: "
                                       "N}}}}`, or write a list of values",
                                       axis_kind(axis.id).name));
}

/// {axis: value or list of values, ...}
std::vector<Axis> read_axes(const AxisContext& context, const YAML::Node& node, const std::string& what) {
    std::vector<Axis> axes;
    const YamlReader& reader = context.reader;
    const auto entries = reader.entries(node, what, axis_names());  // all keys are axes
    auto key = node.begin();
    for (const auto& [name, value] : entries) {
        axes.push_back(read_axis(context, find_axis(name), (key++)->first, value));
        if (axes.back().distribution)
            reader.fail(value, "a distribution in {}; a rule is about values: write a value or a list", what);
    }
    if (axes.empty()) reader.fail(node, "{} is an empty map; name at least one axis", what);
    return axes;
}

std::vector<Rule> read_exclude(const AxisContext& context, const YAML::Node& node) {
    std::vector<Rule> rules;
    for (const YAML::Node& rule : context.reader.list(node, "exclude"))
        rules.push_back({read_axes(context, rule, "exclude"), {}, place_of(rule)});
    return rules;
}

std::vector<Rule> read_when(const AxisContext& context, const YAML::Node& node) {
    std::vector<Rule> rules;
    for (const YAML::Node& map : context.reader.list(node, "when")) {
        Rule rule{{}, {}, place_of(map)};
        for (const auto& [key, value] : context.reader.entries(map, "when", {"if", "then"}))
            (key == "if" ? rule.matching : rule.then) = read_axes(context, value, "when." + key);
        if (rule.matching.empty() || rule.then.empty())
            context.reader.fail(map, "a rule without '{}'; write {{if: {{AXIS: VALUE}}, then: {{AXIS: VALUES}}}}",
                                rule.matching.empty() ? "if" : "then");
        rules.push_back(std::move(rule));
    }
    return rules;
}

const Axis* axis_of(const std::vector<Axis>& axes, AxisId id) {
    const auto axis = std::find_if(axes.begin(), axes.end(), [&](const Axis& candidate) { return candidate.id == id; });
    return axis == axes.end() ? nullptr : &*axis;
}

std::size_t count_values(const std::vector<Axis>& axes, AxisId id) {
    const Axis* axis = axis_of(axes, id);
    return axis ? axis->values.size() : 1;
}

/// One zip; `used` are the axes of those before it.
Zip read_zip(const YamlReader& reader, const YAML::Node& node, const std::vector<Axis>& axes,
             std::vector<AxisId>& used) {
    Zip zip{{}, place_of(node)};
    if (!node.IsSequence()) reader.fail(node, "zip is a list of lists; write zip: [[backbone, freeze]]");
    if (node.size() < 2) reader.fail(node, "a zip of {} axes; at least two can advance together", node.size());
    for (const YAML::Node& name : node) {
        const AxisId id = find_axis(reader.word(name, "axis", axis_names()));
        if (std::find(used.begin(), used.end(), id) != used.end())
            reader.fail(name, "the axis '{}' is zipped twice; an axis advances with one zip", name.Scalar());
        if (const Axis* axis = axis_of(axes, id); axis && axis->is_range())
            reader.fail(name, "the axis '{}' is drawn from a range; only lists of values advance together",
                        name.Scalar());
        used.push_back(id);
        zip.axes.push_back(id);
        const std::size_t first = count_values(axes, zip.axes[0]), here = count_values(axes, id);
        if (first != here)
            reader.fail(name, "zip of unequal lengths: {} has {} values, {} has {}; give each as many as the other",
                        axis_kind(zip.axes[0]).name, first, name.Scalar(), here);
    }
    return zip;
}

/// Collects what the sweep says about weight files; one file has one preprocessing.
void collect_overrides(Sweep& sweep, const std::vector<Axis>& axes) {
    for (const Axis& axis : axes) {
        if (axis.id != axis_id("weights")) continue;
        for (const AxisValue& value : axis.values) {
            const auto& weights = std::get<WeightsSetting>(value.setting);
            const auto [entry, is_new] = sweep.weights_overrides.emplace(weights.name, weights.override);
            if (!is_new && entry->second != weights.override)
                throw error_at(
                    sweep.source, value.place,
                    "the same weights with another preprocessing or padding before; a file was trained with one");
        }
    }
}

void check_folds(const Sweep& sweep, const Axis& axis) {
    const int folds = sweep.data.split.folds;
    if (axis.id != axis_id("fold")) return;
    if (folds == 0)
        throw error_at(sweep.source, axis.place,
                       "fold without folds; say into how many parts the images are divided: `split: {folds: 5}` in "
                       "`data:`");
    if (axis.distribution)
        throw error_at(sweep.source, axis.distribution->place,
                       "fold has a distribution; every draw is trained on all folds, or on those of a plain list");
    for (const AxisValue& value : axis.values)
        if (const auto fold = std::get<std::int64_t>(value.setting); fold > folds)
            throw error_at(sweep.source, value.place,
                           fmt::format("fold is {}, but there are {} (`folds` in data.split)", fold, folds));
}

/// Folds are an axis, of all of them where the file does not name some.
void settle_folds(Sweep& sweep) {
    for (const Axis& axis : sweep.axes) check_folds(sweep, axis);
    if (sweep.data.split.folds == 0 || axis_of(sweep.axes, axis_id("fold"))) return;
    Axis axis{axis_id("fold"), {}, sweep.data.folds_place, {}};
    for (std::int64_t fold = 1; fold <= sweep.data.split.folds; ++fold)
        axis.values.push_back({fold, sweep.data.folds_place});
    sweep.axes.push_back(std::move(axis));
}

/// A draw is trained on all folds: a rule about one of them would have nothing to choose from.
void check_folds_of(const Sweep& sweep, const Rule& rule) {
    for (const std::vector<Axis>* axes : {&rule.matching, &rule.then})
        for (const Axis& axis : *axes) {
            check_folds(sweep, axis);
            if (axis.id == axis_id("fold") && sweep.search.random)
                throw error_at(sweep.source, axis.place,
                               "a rule about fold in a random search; every draw is trained on all folds alike");
        }
}

void read_rules(Sweep& sweep, const AxisContext& context,
                const std::vector<std::pair<YAML::Node, YAML::Node>>& entries) {
    std::vector<AxisId> zipped;
    for (const auto& [key_node, node] : entries)
        context.reader.attempt([&, &key = key_node.Scalar(), &node = node] {
            if (key == "zip")
                for (const YAML::Node& zip : context.reader.list(node, "zip"))
                    sweep.zips.push_back(read_zip(context.reader, zip, sweep.axes, zipped));
            if (key == "exclude") sweep.exclude = read_exclude(context, node);
            if (key == "when") sweep.when = read_when(context, node);
        });
    for (const std::vector<Rule>* rules : {&sweep.when, &sweep.exclude})
        for (const Rule& rule : *rules) check_folds_of(sweep, rule);
    collect_overrides(sweep, sweep.axes);
    for (const Rule& rule : sweep.when) collect_overrides(sweep, rule.then);
    std::erase_if(sweep.weights_overrides, [](const auto& entry) { return entry.second == WeightsOverride{}; });
}

/// A search compares trials at rungs that all of them reach; who ended before would have nothing to show there.
void refuse_early_stopping_beside_rungs(const Sweep& sweep) {
    if (std::holds_alternative<std::monostate>(sweep.search.stopping)) return;
    std::vector<Axis> axes = sweep.axes;
    for (const Rule& rule : sweep.when) axes.insert(axes.end(), rule.then.begin(), rule.then.end());
    for (const Axis& axis : axes)
        for (const AxisValue& value : axis.values)
            if (axis.id == axis_id("early_stopping") && !std::get<EarlyStop>(value.setting).none())
                throw error_at(sweep.source, value.place,
                               "early_stopping beside search.asha or search.median; a trial is stopped by one rule: "
                               "remove the other");
}

/// Keys that are no axes.
const std::vector<std::string>& sweep_keys() {
    static const std::vector<std::string> keys = {"name",   "data", "memory", "disk",   "keep", "ranks_per_trial",
                                                  "search", "zip",  "when",   "exclude"};
    return keys;
}

/// One entry of the file, but for rules, which are about axes that stand below them too.
void read_entry(Sweep& sweep, const AxisContext& context, const YAML::Node& key_node, const YAML::Node& node) {
    const YamlReader& reader = context.reader;
    const std::string& key = key_node.Scalar();
    if (key == "name") sweep.name = read_name(reader, node);
    if (key == "data") sweep.data = read_data(reader, node);
    if (key == "ranks_per_trial") sweep.ranks_per_trial = read_ranks_per_trial(reader, node);
    if (key == "keep")
        sweep.keep = reader.at(node, [&] { return parse_name("keep", names_of(Keep{}), reader.text(node, "keep")); });
    if (key == "search") sweep.search = read_search(reader, node);
    for (const auto& [name, bytes] : {std::pair{"disk", &sweep.disk}, std::pair{"memory", &sweep.memory}})
        if (key == name) *bytes = reader.at(node, [&, of = name] { return parse_byte_size(reader.text(node, of)); });
    if (std::find(sweep_keys().begin(), sweep_keys().end(), key) == sweep_keys().end())
        sweep.axes.push_back(read_axis(context, find_axis(key), key_node, node));
}

/// Those of the file that there are; what is wrong with others is noted.
std::vector<std::pair<YAML::Node, YAML::Node>> known_entries(const YamlReader& reader, const YAML::Node& document) {
    std::vector<std::string> keys = axis_names();
    keys.insert(keys.begin(), sweep_keys().begin(), sweep_keys().end());
    std::vector<std::pair<YAML::Node, YAML::Node>> entries;
    if (!document.IsMap()) reader.entries(document, "the sweep", keys);  // says what it is instead
    for (const auto& entry : document)
        reader.attempt([&] {
            if (const std::string hint = said_elsewhere(entry.first.Scalar()); !hint.empty())
                reader.fail(entry.first, "sweep files have no '{}': {}", entry.first.Scalar(), hint);
            YAML::Node key = entry.first;
            const std::string own = reader.word(key, "key in the sweep:", keys, "thaw help sweep-reference");
            if (own != key.Scalar()) key = own;
            entries.emplace_back(key, entry.second);
        });
    return entries;
}

[[noreturn]] void report(const std::vector<std::string>& mistakes) {
    if (mistakes.size() == 1) throw UserError("{}", mistakes[0]);
    throw UserError("{}\n{} mistakes; nothing was started", fmt::join(mistakes, "\n"), mistakes.size());
}

}  // namespace

Sweep read_sweep(const std::filesystem::path& file, const Vocabulary& vocabulary) {
    return parse_sweep(read_source(file, kLargestFile), vocabulary);
}

Sweep parse_sweep(SourceText source, const Vocabulary& vocabulary) {
    Sweep sweep;
    sweep.source = std::move(source);
    if (sweep.source.text.starts_with("\xEF\xBB\xBF")) sweep.source.text.erase(0, 3);  // the mark some editors leave
    sweep.name = default_name(sweep.source.file);
    const YAML::Node document = load_yaml(
        sweep.source, [&](const YAML::Node& written) { return in_own_words(written, vocabulary, sweep.notes); });
    std::vector<std::string> mistakes;
    const YamlReader reader(sweep.source, &mistakes);
    const AxisContext context{reader, vocabulary};
    bool has_data = false, has_backbone = false;
    const auto entries = known_entries(reader, document);
    for (const auto& [key, node] : entries) {
        has_data |= key.Scalar() == "data";
        has_backbone |= key.Scalar() == "backbone";
        reader.attempt([&, &key = key, &node = node] { read_entry(sweep, context, key, node); });
    }
    if (!has_data) mistakes.push_back(error_at(sweep.source, {}, "no data; add `data: {folder: PATH}`").what());
    if (!has_backbone) mistakes.push_back(error_at(sweep.source, {}, "no backbone; add `backbone: NAME`").what());
    if (!mistakes.empty()) report(mistakes);
    settle_folds(sweep);
    require_random_for_distributions(sweep);
    read_rules(sweep, context, entries);
    if (!mistakes.empty()) report(mistakes);
    refuse_early_stopping_beside_rungs(sweep);
    refuse_phases_that_may_be_stopped(sweep);
    return sweep;
}

}  // namespace thaw
