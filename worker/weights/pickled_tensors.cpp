#include "worker/weights/pickled_tensors.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "common/util/error.hpp"
#include "worker/weights/printable.hpp"

namespace thaw {
namespace {

using NamedTensors = std::map<std::string, const PickleTensor*>;

/// The last value under that key, as in Python; nullptr where there is none.
const PickleValue* find_key(const PickleDict& dict, std::string_view key) {
    for (auto item = dict.items.rbegin(); item != dict.items.rend(); ++item)
        if (const auto* name = std::get_if<std::string_view>(&item->first); name && *name == key) return &item->second;
    return nullptr;
}

/// Looks through {"state_dict": {...}} and its kin, as training scripts write them.
const PickleDict& find_state_dict(const PickleValue& value) {
    PickleDict* const* found = std::get_if<PickleDict*>(&value);
    if (!found)
        throw UserError(
            "it holds no state_dict (a dict of tensors); in Python: "
            "torch.save(model.state_dict(), \"weights.pth\")");
    const PickleDict* dict = *found;
    constexpr int kMostNesting = 4;  // also ends the search in a dict that contains itself
    for (int level = 0; level < kMostNesting; ++level)
        for (const char* wrapper : {"state_dict", "model_state_dict", "model"})
            if (const PickleValue* inner = find_key(*dict, wrapper);
                inner && std::holds_alternative<PickleDict*>(*inner)) {
                dict = std::get<PickleDict*>(*inner);
                break;
            }
    return *dict;
}

NamedTensors tensors_in_dict(const PickleDict& dict) {
    NamedTensors tensors;
    for (const auto& [key, value] : dict.items) {
        const auto* name = std::get_if<std::string_view>(&key);
        const auto* tensor = std::get_if<const PickleTensor*>(&value);
        if (name && tensor) tensors.insert_or_assign(std::string(*name), *tensor);
    }
    if (!tensors.empty()) return tensors;
    std::vector<std::string> keys;
    for (const auto& [key, value] : dict.items)
        if (const auto* name = std::get_if<std::string_view>(&key); name && keys.size() < 5)
            keys.push_back(printable(*name));
    throw UserError("no tensors are in it, only: {}",
                    keys.empty() ? "nothing" : fmt::format("{}", fmt::join(keys, ", ")));
}

/// DataParallel and torch.compile put their own name before every key.
NamedTensors without_wrapper_prefix(NamedTensors tensors) {
    for (const std::string prefix : {"module.", "_orig_mod."}) {
        const auto has_prefix = [&](const auto& entry) { return entry.first.starts_with(prefix); };
        if (!std::ranges::all_of(tensors, has_prefix)) continue;
        NamedTensors stripped;
        for (const auto& [name, tensor] : tensors) stripped.emplace(name.substr(prefix.size()), tensor);
        tensors = std::move(stripped);
    }
    return tensors;
}

/// torchvision's DenseNet files are from a time when a module's name might have a dot: "denselayer1.norm.1.weight".
std::string todays_name(const std::string& name) {
    for (const char* former : {".norm.1.", ".norm.2.", ".conv.1.", ".conv.2."})
        if (const std::size_t at = name.find(former); at != name.npos && name.rfind("denselayer", at) != name.npos)
            return std::string(name).erase(at + 5, 1);  // the dot before the number
    return name;
}

NamedTensors with_todays_names(const NamedTensors& tensors) {
    NamedTensors renamed;
    for (const auto& [name, tensor] : tensors) renamed.emplace(todays_name(name), tensor);
    return renamed;
}

/// The number of the view's elements, all of which lie in the storage. Throws UserError where they do not, or where the
/// view repeats elements (an expanded tensor), so that a tensor is never larger than its storage.
std::int64_t checked_elements(const std::string& name, const PickleTensor& tensor) {
    const std::int64_t count = element_count(tensor.shape);
    const std::int64_t available = tensor.storage->elements;
    std::int64_t last = tensor.offset;
    bool sound = tensor.shape.size() == tensor.strides.size() && tensor.offset >= 0;
    for (std::size_t d = 0; sound && count > 0 && d < tensor.shape.size(); ++d) {
        std::int64_t reach = 0;
        sound = tensor.strides[d] >= 0 && !__builtin_mul_overflow(tensor.shape[d] - 1, tensor.strides[d], &reach) &&
                !__builtin_add_overflow(last, reach, &last);
    }
    if (!sound || (count > 0 && last >= available))
        throw UserError("tensor '{}' reaches beyond its storage of {} elements (shape [{}], strides [{}], offset {})",
                        printable(name), available, fmt::join(tensor.shape, ", "), fmt::join(tensor.strides, ", "),
                        tensor.offset);
    if (count > available)
        throw UserError("tensor '{}' repeats its elements ({} from a storage of {}); save it with .contiguous()",
                        printable(name), count, available);
    return count;
}

bool is_contiguous(const PickleTensor& tensor) {
    std::int64_t expected = 1;
    for (std::size_t d = tensor.shape.size(); d-- > 0;) {
        if (tensor.shape[d] != 1 && tensor.strides[d] != expected) return false;
        expected *= tensor.shape[d];
    }
    return true;
}

/// Copies a checked view row by row; a row runs along the last dimension.
void gather(const PickleTensor& tensor, const std::vector<std::byte>& storage, std::vector<float>& values) {
    const ElementType& type = *tensor.storage->type;
    const auto count = static_cast<std::int64_t>(values.size());
    const auto at = [&](std::int64_t offset) { return storage.data() + offset * type.bytes; };
    if (count == 0) return;
    if (is_contiguous(tensor)) return type.to_float(at(tensor.offset), count, 1, values.data());

    const std::size_t outer = tensor.shape.size() - 1;
    const std::int64_t row = tensor.shape[outer];
    std::vector<std::int64_t> index(outer, 0);
    std::int64_t offset = tensor.offset;
    for (std::int64_t done = 0; done < count; done += row) {
        type.to_float(at(offset), row, tensor.strides[outer], values.data() + done);
        for (std::size_t d = outer; d-- > 0;) {
            offset += tensor.strides[d];
            if (++index[d] < tensor.shape[d]) break;
            offset -= tensor.strides[d] * tensor.shape[d];
            index[d] = 0;
        }
    }
}

}  // namespace

TensorMap gather_tensors(const PickleValue& value, std::uint64_t content_bytes, const ReadStorage& read_storage) {
    const NamedTensors tensors = with_todays_names(without_wrapper_prefix(tensors_in_dict(find_state_dict(value))));
    std::map<const PickleStorage*, std::vector<const std::string*>> names_by_storage;
    std::uint64_t elements = 0;
    for (const auto& [name, tensor] : tensors) {
        elements += static_cast<std::uint64_t>(checked_elements(name, *tensor));
        if (elements > 2 * content_bytes)
            throw UserError("its tensors claim at least {} elements, which its {} bytes cannot hold", elements,
                            content_bytes);
        names_by_storage[tensor->storage].push_back(&name);
    }
    TensorMap result;
    for (const auto& [storage, names] : names_by_storage) {
        const std::vector<std::byte> bytes = read_storage(*storage);
        for (const std::string* name : names) {
            const PickleTensor& tensor = *tensors.at(*name);
            HostTensor& host = result[*name];
            host.shape = tensor.shape;
            host.stored_as = tensor.storage->type->safetensors;
            host.values.resize(static_cast<std::size_t>(element_count(tensor.shape)));
            gather(tensor, bytes, host.values);
        }
    }
    return result;
}

}  // namespace thaw
