#include "worker/weights/pickled_tensors.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/util/error.hpp"
#include "worker/weights/printable.hpp"

namespace thaw {
namespace {

using NamedTensors = std::map<std::string, const PickleTensor*>;

/// All tensors that keys lead to, named as one dict of dicts would be: "model_ema.module.features.0.weight". What a
/// training keeps under numbers, an optimizer's state, is no part of a network.
class TensorSearch {
  public:
    void look_in(const PickleValue& value, const std::string& path, int depth = 0) {
        constexpr int kDeepest = 8;
        if (const auto* items = items_of(value); items && depth < kDeepest) {
            if (!seen_.insert(items).second) return;
            for (std::size_t i = 0; i < items->size(); ++i)
                if (const auto* dict = std::get_if<PickleDict*>(&(*items)[i]))
                    look_in(*dict, fmt::format("{}{}.", path, i), depth + 1);
            return;
        }
        PickleDict* const* dict = std::get_if<PickleDict*>(&value);
        if (!dict || depth == kDeepest || !seen_.insert(*dict).second) return;
        if (!(*dict)->of_class.empty() && (!object_ || ((*dict)->is_network && !object_->is_network))) object_ = *dict;
        for (const auto& [key, item] : (*dict)->items) look_at(key, item, path, depth);
    }

    const NamedTensors& tensors() const { return tensors_; }
    /// A network as a Python object, or any object where there is none.
    const PickleDict* object() const { return object_; }

  private:
    static const std::vector<PickleValue>* items_of(const PickleValue& value) {
        if (const auto* list = std::get_if<PickleList*>(&value)) return &(*list)->items;
        if (const auto* tuple = std::get_if<PickleTuple*>(&value)) return &(*tuple)->items;
        return nullptr;
    }

    void look_at(const PickleValue& key, const PickleValue& item, const std::string& path, int depth) {
        constexpr std::size_t kLongest = 300;  // as names are put together, their length must not multiply
        const auto* name = std::get_if<std::string_view>(&key);
        if (!name || path.size() + name->size() > kLongest) return;
        const std::string full = path + std::string(*name);
        if (const auto* tensor = std::get_if<const PickleTensor*>(&item))
            tensors_.insert_or_assign(full, *tensor);  // the last one under a key, as in Python
        else
            look_in(item, full + ".", depth + 1);
    }

    NamedTensors tensors_;
    std::set<const void*> seen_;  // also ends the search in a dict that contains itself
    const PickleDict* object_ = nullptr;
};

[[noreturn]] void refuse_without_tensors(const PickleValue& value, const PickleDict* object) {
    PickleDict* const* dict = std::get_if<PickleDict*>(&value);
    if (object && (object->is_network || (dict && *dict == object)))
        throw UserError(
            "it holds a whole pickled object of class '{}', which only that class's code could read; where the model "
            "is at hand in Python, save its state_dict instead: torch.save(model.state_dict(), \"weights.pth\")",
            object->of_class);
    if (!dict)
        throw UserError(
            "it holds no state_dict (a dict of tensors); in Python: "
            "torch.save(model.state_dict(), \"weights.pth\")");
    std::vector<std::string> keys;
    for (const auto& [key, item] : (*dict)->items)
        if (const auto* name = std::get_if<std::string_view>(&key); name && keys.size() < 5)
            keys.push_back(printable(*name));
    throw UserError("no tensors are in it, only: {}",
                    keys.empty() ? "nothing" : fmt::format("{}", fmt::join(keys, ", ")));
}

NamedTensors find_tensors(const PickleValue& value) {
    TensorSearch search;
    search.look_in(value, "");
    if (search.tensors().empty()) refuse_without_tensors(value, search.object());
    return search.tensors();
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
    const NamedTensors tensors = with_todays_names(find_tensors(value));
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
