#include "worker/weights/safetensors.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "worker/weights/element_type.hpp"
#include "worker/weights/printable.hpp"

namespace thaw {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMostHeaderBytes = 8 << 20;  // a network of 1000 tensors has 0.1 MiB
constexpr int kDeepestHeader = 3;                    // {name: {"shape": [...]}}

json parse_header(const std::string& text) {
    const auto bound_depth = [](int depth, json::parse_event_t, json&) {
        if (depth > kDeepestHeader) throw UserError("its header is nested deeper than safetensors are");
        return true;
    };
    json header;
    try {
        header = json::parse(text, bound_depth);
    } catch (const json::exception&) {
        throw UserError("its header is not JSON; the file is damaged, fetch it again");
    }
    if (!header.is_object()) throw UserError("its header is not a JSON object");
    return header;
}

struct Entry {
    std::string name;
    const ElementType* type;
    std::vector<std::int64_t> shape;
    std::uint64_t begin, end;  // in the data
};

/// A JSON array of whole numbers from 0; throws UserError.
std::vector<std::int64_t> whole_numbers(const std::string& name, const json& entry, const char* key) {
    std::vector<std::int64_t> numbers;
    const auto found = entry.find(key);
    const bool sound = found != entry.end() && found->is_array() && found->size() <= kMostDimensions &&
                       std::ranges::all_of(*found, [](const json& n) { return n.is_number_unsigned(); });
    if (!sound) throw UserError("tensor '{}' has no sound '{}' in the header", printable(name), key);
    for (const json& number : *found) {
        const auto value = number.get<std::uint64_t>();
        if (value > INT64_MAX) throw UserError("tensor '{}' has an impossible '{}'", printable(name), key);
        numbers.push_back(static_cast<std::int64_t>(value));
    }
    return numbers;
}

Entry parse_entry(const std::string& name, const json& entry, std::uint64_t data_bytes) {
    if (!entry.is_object()) throw UserError("tensor '{}' is not described by an object", printable(name));
    const std::string type_name = entry.value("dtype", json()).is_string() ? entry["dtype"].get<std::string>() : "";
    const ElementType* type = find_safetensors_type(type_name);
    if (!type)
        throw UserError("tensor '{}' has the type '{}'; thaw reads {}", printable(name), printable(type_name),
                        safetensors_type_names());
    std::vector<std::int64_t> shape = whole_numbers(name, entry, "shape");
    const auto count = static_cast<std::uint64_t>(element_count(shape));
    const std::vector<std::int64_t> offsets = whole_numbers(name, entry, "data_offsets");
    const std::uint64_t begin = offsets.size() == 2 ? static_cast<std::uint64_t>(offsets[0]) : 1;
    const std::uint64_t end = offsets.size() == 2 ? static_cast<std::uint64_t>(offsets[1]) : 0;
    if (begin > end || end > data_bytes)
        throw UserError(
            "tensor '{}' is said to lie at bytes {}..{} of {} bytes of data; the file is truncated or "
            "damaged, fetch it again",
            printable(name), begin, end, data_bytes);
    const auto size = static_cast<std::uint64_t>(type->bytes);
    if ((end - begin) % size != 0 || (end - begin) / size != count)
        throw UserError("tensor '{}' has {} elements of {} bytes in the header, and {} bytes of data", printable(name),
                        count, size, end - begin);
    return {name, type, std::move(shape), begin, end};
}

/// Tensors must follow each other without gap or overlap, and fill the file.
void check_layout(std::vector<Entry>& entries, std::uint64_t data_bytes) {
    std::ranges::sort(entries, {}, [](const Entry& entry) { return std::pair(entry.begin, entry.end); });
    std::uint64_t expected = 0;
    for (const Entry& entry : entries) {
        if (entry.begin != expected)
            throw UserError("tensor '{}' begins at byte {} of the data, the one before it ends at {}",
                            printable(entry.name), entry.begin, expected);
        expected = entry.end;
    }
    if (expected != data_bytes)
        throw UserError("its tensors end at byte {} of the data, of which there are {}", expected, data_bytes);
}

constexpr std::uint64_t kPrefix = sizeof(std::uint64_t);

json read_header(const FileReader& file) {
    const std::uint64_t header_bytes = file.read_uint64(0);
    if (header_bytes > kMostHeaderBytes)
        throw UserError("its header claims {} bytes; {} are the most thaw reads", header_bytes, kMostHeaderBytes);
    return parse_header(file.read_text(kPrefix, header_bytes));
}

}  // namespace

bool looks_like_safetensors(const FileReader& file) {
    return file.holds(8, 1) && file.read_text(8, 1) == "{";
}

std::map<std::string, std::string> read_safetensors_metadata(const FileReader& file) {
    std::map<std::string, std::string> metadata;
    const json header = read_header(file);
    const auto found = header.find("__metadata__");
    if (found == header.end() || !found->is_object()) return metadata;
    for (const auto& [name, text] : found->items())
        if (text.is_string()) metadata[name] = text.get<std::string>();
    return metadata;
}

TensorMap read_safetensors(const FileReader& file) {
    const json header = read_header(file);
    const std::uint64_t data_begin = kPrefix + file.read_uint64(0), data_bytes = file.size() - data_begin;
    std::vector<Entry> entries;
    for (const auto& [name, entry] : header.items())
        if (name != "__metadata__") entries.push_back(parse_entry(name, entry, data_bytes));
    check_layout(entries, data_bytes);
    TensorMap tensors;
    for (const Entry& entry : entries) {
        const std::vector<std::byte> bytes = file.read(data_begin + entry.begin, entry.end - entry.begin);
        HostTensor& tensor = tensors[entry.name];
        tensor.shape = entry.shape;
        tensor.stored_as = entry.type->safetensors;
        tensor.values.resize(bytes.size() / static_cast<std::uint64_t>(entry.type->bytes));
        entry.type->to_float(bytes.data(), static_cast<std::int64_t>(tensor.values.size()), 1, tensor.values.data());
    }
    return tensors;
}

void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                       const std::map<std::string, std::string>& metadata) {
    json header = json::object();
    if (!metadata.empty()) header["__metadata__"] = metadata;
    std::uint64_t end = 0;
    for (const auto& [name, tensor] : tensors) {
        THAW_CHECK(static_cast<std::int64_t>(tensor.values.size()) == element_count(tensor.shape), "tensor {}", name);
        const std::uint64_t begin = end;
        end += tensor.values.size() * sizeof(float);
        header[name] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
    }
    std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
    text.resize((text.size() + 7) / 8 * 8, ' ');  // the data begins at a multiple of 8
    const std::uint64_t header_bytes = text.size();
    AtomicFile file(path);
    file.write(&header_bytes, sizeof header_bytes);
    file.write(text);
    for (const auto& [name, tensor] : tensors) file.write(tensor.values.data(), tensor.values.size() * sizeof(float));
    file.commit();
}

}  // namespace thaw
