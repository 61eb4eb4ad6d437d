#include "worker/weights/registry.hpp"

#include <fmt/ranges.h>

#include <cstdlib>
#include <system_error>

#include "common/backbones/backbones.hpp"
#include "common/util/error.hpp"
#include "common/util/fingerprint.hpp"
#include "common/util/names.hpp"
#include "common/util/nearest.hpp"
#include "worker/weights/weights_file.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

const std::vector<Preprocessing> kPreprocessings = {
    {"torch", {0.485 * 255, 0.456 * 255, 0.406 * 255}, {0.229 * 255, 0.224 * 255, 0.225 * 255}, false},
    {"tf", {127.5, 127.5, 127.5}, {127.5, 127.5, 127.5}, false},
    {"caffe", {103.939, 116.779, 123.68}, {1, 1, 1}, true},
    {"lite", {127, 127, 127}, {128, 128, 128}, false},
    {"raw", {0, 0, 0}, {1, 1, 1}, false},            // the network scales its input itself
    {"rescale", {0, 0, 0}, {255, 255, 255}, false},  // Keras' Rescaling(1/255), ImageDataGenerator(rescale=1./255)
};

/// "FILE (where it comes from)"
std::string how_to_get(const WeightsEntry& entry) {
    return fmt::format("{} ({})", entry.file, entry.source);
}

std::string listed_folders(const std::vector<fs::path>& folders) {
    std::vector<std::string> names;
    for (const fs::path& folder : folders) names.push_back(folder.string());
    return names.empty() ? "no folder at all" : fmt::format("{}", fmt::join(names, ", "));
}

bool is_file(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
}

std::string hash_of(const fs::path& path) {
    try {
        return sha256_file(path);
    } catch (const std::system_error& error) {
        throw UserError("weights file {} cannot be read: {}", path.string(), error.code().message());
    }
}

/// The file in the first folder that has it; empty where none does.
fs::path find_in(const std::vector<fs::path>& folders, const std::string& file) {
    for (const fs::path& folder : folders)
        if (is_file(folder / file)) return folder / file;
    return {};
}

std::vector<const WeightsEntry*> entries_for(const std::string& backbone) {
    std::vector<const WeightsEntry*> entries;
    for (const WeightsEntry& entry : weights_registry())
        if (entry.backbone == backbone) entries.push_back(&entry);
    return entries;
}

ResolvedWeights with_overrides(ResolvedWeights weights, const WeightsRequest& request) {
    if (!request.preprocessing.empty()) weights.preprocessing = find_preprocessing(request.preprocessing);
    if (!request.padding.empty()) weights.padding = parse_padding_style(request.padding);
    return weights;
}

ResolvedWeights as_entry_says(const WeightsEntry& entry, fs::path path, std::string sha256) {
    return {std::move(path), std::move(sha256), find_preprocessing(entry.preprocessing), entry.padding};
}

/// A file's hashes; for each it is read once, when that is first asked for.
class FileHashes {
  public:
    explicit FileHashes(fs::path path) : path_(std::move(path)) {}
    const fs::path& path() const { return path_; }
    const std::string& sha256() {
        if (sha256_.empty()) sha256_ = hash_of(path_);
        return sha256_;
    }
    /// Of the kind that is published of the entry; empty where none is.
    std::string as_published(const WeightsEntry& entry) {
        if (!entry.sha256.empty()) return sha256();
        if (md5_.empty() && !entry.md5.empty()) md5_ = md5_file(path_);
        return entry.md5.empty() ? "" : md5_;
    }

  private:
    fs::path path_;
    std::string sha256_, md5_;
};

/// Of its content: the beginning of its sha256, else its md5, else nothing.
const std::string& published_hash(const WeightsEntry& entry) {
    return entry.sha256.empty() ? entry.md5 : entry.sha256;
}

/// Whether the file is the entry's: by its content, or by its name where no hash is published.
bool is_file_of(const WeightsEntry& entry, FileHashes& file) {
    const std::string& expected = published_hash(entry);
    return expected.empty() ? file.path().filename() == entry.file : file.as_published(entry).starts_with(expected);
}

void check_content(const WeightsEntry& entry, FileHashes& file) {
    const std::string& expected = published_hash(entry);
    const std::string found = file.as_published(entry);
    if (!found.starts_with(expected))
        throw UserError(
            "weights file {} is not what its name says, damaged, cut short or another: its {} is {}, that of {} begins "
            "with {}; fetch it again ({}), or, where you mean this very file, give its path with preprocessing and "
            "padding under another name",
            file.path().string(), entry.sha256.empty() ? "md5" : "sha256", found, entry.name, expected, entry.source);
}

/// A registered file that was found: its content must be what the registry knows.
ResolvedWeights use_entry(const WeightsEntry& entry, const fs::path& path) {
    FileHashes file(path);
    check_content(entry, file);
    return as_entry_says(entry, path, file.sha256());
}

/// The first of the entries whose file is there.
ResolvedWeights use_first_of(const std::vector<const WeightsEntry*>& entries, const std::string& backbone,
                             const std::vector<fs::path>& folders) {
    if (entries.empty())
        throw UserError(
            "no ImageNet weights are known for backbone '{}'; give the path of a file, with its preprocessing and "
            "padding, or write `weights: random`",
            backbone);
    std::vector<std::string> ways;
    for (const WeightsEntry* entry : entries) {
        if (const fs::path path = find_in(folders, entry->file); !path.empty()) return use_entry(*entry, path);
        ways.push_back(how_to_get(*entry));
    }
    throw UserError(
        "no weights for backbone '{}' in {}. Put one of these files into one of the folders: {}; or write "
        "`weights: random`",
        backbone, listed_folders(folders), fmt::join(ways, "; "));
}

/// Where a file has the name of one that is known, but another content.
void refuse_another_content(FileHashes& file) {
    for (const WeightsEntry& entry : weights_registry())
        if (file.path().filename() == entry.file && !published_hash(entry).empty()) check_content(entry, file);
}

/// Asks for what is missing alone, with a line to paste. Its words are those of files like it, if there are any.
[[noreturn]] void ask_how_trained(const std::string& backbone, const fs::path& path, const WeightsRequest& request) {
    const WeightsEntry* like = nullptr;  // from the same framework: by the ending
    for (const WeightsEntry* entry : entries_for(backbone))
        if (!like && fs::path(entry->file).extension() == path.extension()) like = entry;
    std::vector<std::string> missing, line = {fmt::format("file: {}", path.string())};
    if (request.preprocessing.empty())
        missing.push_back(fmt::format("`preprocessing`, out of {}", fmt::join(preprocessing_names(), ", ")));
    if (request.padding.empty()) missing.emplace_back("`padding`, symmetric (PyTorch) or tensorflow (SAME)");
    line.push_back("preprocessing: " + (!request.preprocessing.empty() ? request.preprocessing
                                        : like                         ? like->preprocessing
                                                                       : "torch"));
    line.push_back(std::string("padding: ") + (!request.padding.empty() ? request.padding
                                               : like                   ? to_string(like->padding)
                                                                        : "symmetric"));
    throw UserError(
        "weights file {} is not one thaw knows: say how it was trained, with {}; a wrong choice costs accuracy. {}:\n"
        "    weights: {{{}}}",
        path.string(), fmt::join(missing, " and "),
        like ? fmt::format("If it was trained as {} was, write", like->name)
             : "For example, if that is how it was trained",
        fmt::join(line, ", "));
}

/// A file the user names: what the registry knows of its content, else what the request says.
ResolvedWeights use_path(const std::string& backbone, const fs::path& path, const WeightsRequest& request) {
    FileHashes file(path);
    const WeightsEntry* other = nullptr;
    for (const WeightsEntry& entry : weights_registry()) {
        if (!is_file_of(entry, file)) continue;
        if (entry.backbone == backbone) return as_entry_says(entry, path, file.sha256());
        other = &entry;
    }
    if (other)
        throw UserError("weights file {} is {}: for backbone '{}', not '{}'", path.string(), other->name,
                        other->backbone, backbone);
    if (request.preprocessing.empty() || request.padding.empty()) {
        refuse_another_content(file);
        read_weights_file(path);  // one that is damaged is not asked how it was trained
        ask_how_trained(backbone, path, request);
    }
    return {path, file.sha256(), {}, {}};
}

/// The names of the files in a folder.
std::vector<std::string> files_in(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(folder, none)) names.push_back(entry.path().filename().string());
    return names;
}

/// What may be meant by a path where no file is.
std::string meant_by(const fs::path& path, const std::vector<fs::path>& folders) {
    const fs::path folder = path.parent_path(), name = path.filename();
    std::error_code none;
    if (const fs::path found = find_in(folders, name.string()); !found.empty())
        return fmt::format("; there is {}: write that path", found.string());
    std::vector<fs::path> looked = {folder.empty() ? fs::path(".") : folder};
    looked.insert(looked.end(), folders.begin(), folders.end());
    const bool no_folder = !fs::is_directory(looked[0], none);
    for (const fs::path& place : looked)
        if (const std::string near = nearest(name.string(), files_in(place)); !near.empty())
            return fmt::format("; looked in {}: did you mean {}?", listed_folders(looked), (place / near).string());
    return fmt::format("; looked for {} in {}{}", name.string(), listed_folders(looked),
                       no_folder ? fmt::format(" (there is no folder {})", looked[0].string()) : "");
}

[[noreturn]] void refuse_unknown(const std::string& backbone, const std::string& name,
                                 const std::vector<fs::path>& folders) {
    std::vector<std::string> names = {"imagenet", "random"};
    for (const WeightsEntry* entry : entries_for(backbone)) names.push_back(entry->name);
    const fs::path path = name;
    if (path.has_extension() || path.has_parent_path())
        throw UserError("weights file {} is not there{}", name, meant_by(path, folders));
    throw UserError("no weights '{}' for backbone '{}'{}: it is no file (nor one in {}), and the names there are: {}",
                    name, backbone, did_you_mean(name, names), listed_folders(folders), fmt::join(names, ", "));
}

ResolvedWeights find_weights(const std::string& backbone, const WeightsRequest& request,
                             const std::vector<fs::path>& folders) {
    const std::vector<const WeightsEntry*> entries = entries_for(backbone);
    // Random weights get the input of the published ones, so that only the weights differ in a comparison.
    if (request.name == "random")
        return entries.empty() ? ResolvedWeights{{}, {}, find_preprocessing("torch"), PaddingStyle::symmetric}
                               : as_entry_says(*entries[0], {}, {});
    if (request.name == "imagenet") return use_first_of(entries, backbone, folders);
    for (const WeightsEntry& entry : weights_registry()) {
        if (entry.name != request.name) continue;
        if (entry.backbone != backbone)
            throw UserError("weights '{}' are for backbone '{}', not '{}'", entry.name, entry.backbone, backbone);
        return use_first_of({&entry}, backbone, folders);
    }
    const fs::path path = is_file(request.name) ? fs::path(request.name) : find_in(folders, request.name);
    if (path.empty()) refuse_unknown(backbone, request.name, folders);
    return use_path(backbone, path, request);
}

/// The variable's value, empty where it is not set.
fs::path environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

}  // namespace

const Preprocessing& find_preprocessing(const std::string& name) {
    NameTable<const Preprocessing*> names;
    for (const Preprocessing& known : kPreprocessings) names.emplace_back(&known, known.name.c_str());
    return *parse_name("preprocessing", names, name);
}

std::vector<std::string> preprocessing_names() {
    std::vector<std::string> names;
    for (const Preprocessing& known : kPreprocessings) names.push_back(known.name);
    return names;
}

const std::vector<WeightsEntry>& weights_registry() {
    static const std::vector<WeightsEntry> entries = [] {
        std::vector<WeightsEntry> all;
        for (auto& [backbone, weights] : published_weights())
            all.push_back({weights, backbone + "-imagenet" + weights.suffix, backbone});
        return all;
    }();
    return entries;
}

std::string WeightsEntry::address() const {
    constexpr std::string_view kCommand = "curl -O ";
    return source.starts_with(kCommand) ? source.substr(kCommand.size()) : "";
}

void check_content(const WeightsEntry& entry, const fs::path& path) {
    FileHashes file(path);
    check_content(entry, file);
}

std::vector<fs::path> weights_folders(const fs::path& weights_dir) {
    const fs::path cache = environment("XDG_CACHE_HOME"), home = environment("HOME");
    std::vector<fs::path> folders = {weights_dir, environment("THAW_WEIGHTS")};
    if (!cache.empty())
        folders.push_back(cache / "thaw" / "weights");
    else if (!home.empty())
        folders.push_back(home / ".cache" / "thaw" / "weights");
    std::erase_if(folders, [](const fs::path& folder) { return folder.empty(); });
    return folders;
}

ResolvedWeights resolve_weights(const std::string& backbone, const WeightsRequest& request,
                                const std::vector<fs::path>& folders) {
    return with_overrides(find_weights(backbone, request, folders), request);
}

Table weights_table(const std::vector<fs::path>& folders) {
    Table table{{"name", "backbone", "preprocessing", "padding", "licence", "file", "path", "source"}, {}};
    for (const WeightsEntry& entry : weights_registry()) {
        Cell path;
        for (const fs::path& folder : folders)
            if (is_file(folder / entry.file)) {
                path = (folder / entry.file).string();
                break;
            }
        table.rows.push_back({entry.name, entry.backbone, entry.preprocessing, to_string(entry.padding), entry.licence,
                              entry.file, path, entry.source});
    }
    return table;
}

}  // namespace thaw
