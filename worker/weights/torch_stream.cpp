// PyTorch's format before 1.6: pickles of a magic number, protocol version, system, object and storage keys, one after
// the other, then each storage as an 8-byte element count and its raw bytes.
#include <algorithm>

#include "common/util/error.hpp"
#include "worker/weights/pickled_tensors.hpp"
#include "worker/weights/printable.hpp"

namespace thaw {
namespace {

void check_preamble(PickleReader& reader) {
    constexpr std::string_view kMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
    const PickleValue magic = reader.read();
    const auto* number = std::get_if<PickleBigInteger>(&magic);
    if (!number || number->bytes != kMagic)
        throw UserError(
            "it is a Python pickle, but not one that torch.save wrote; save model.state_dict() with torch.save");
    const PickleValue version = reader.read();
    const auto* protocol = std::get_if<std::int64_t>(&version);
    if (!protocol || *protocol != 1001)
        throw UserError("its protocol version is not 1001, the only one PyTorch ever had");
    const PickleValue system = reader.read();
    PickleDict* const* facts = std::get_if<PickleDict*>(&system);
    if (!facts) throw UserError("its system description is damaged");
    for (const auto& [key, value] : (*facts)->items)
        if (const auto* name = std::get_if<std::string_view>(&key); name && *name == "little_endian")
            if (const bool* little = std::get_if<bool>(&value); !little || !*little)
                throw UserError("it was written on a big-endian machine; load and save it again on this one");
}

/// Where each storage's raw bytes begin in the file.
std::unordered_map<const PickleStorage*, std::uint64_t> locate_storages(const PickleReader& reader,
                                                                        const PickleValue& keys,
                                                                        const FileReader& file) {
    PickleList* const* list = std::get_if<PickleList*>(&keys);
    if (!list) throw UserError("its list of storages is damaged");
    std::unordered_map<const PickleStorage*, std::uint64_t> begins;
    std::uint64_t at = reader.position();
    for (const PickleValue& value : (*list)->items) {
        const auto* key = std::get_if<std::string_view>(&value);
        const auto known = key ? reader.storages().find(*key) : reader.storages().end();
        if (known == reader.storages().end())
            throw UserError(
                "its list of storages names one that no tensor has, or one of a type that thaw does not know "
                "(complex, quantized); load it and save it again without these");
        const PickleStorage& storage = *known->second;
        const std::uint64_t count = file.read_uint64(at);
        if (count != static_cast<std::uint64_t>(storage.elements))
            throw UserError("storage '{}' has {} elements at byte {}, its tensors say {}", printable(*key), count, at,
                            storage.elements);
        const auto size = static_cast<std::uint64_t>(storage.type->bytes);
        at += sizeof count;
        if (count > (file.size() - at) / size)
            throw UserError(
                "storage '{}' needs {} elements of {} bytes at byte {}, but the file ends at {}; it is "
                "truncated or damaged, fetch it again",
                printable(*key), count, size, at, file.size());
        begins[&storage] = at;
        at += count * size;
    }
    return begins;
}

}  // namespace

TensorMap read_torch_stream(const FileReader& file) {
    const std::string pickles = file.read_text(0, std::min(file.size(), kMostPickleBytes));
    PickleReader reader(pickles);
    check_preamble(reader);
    const PickleValue object = reader.read();
    const PickleValue keys = reader.read();
    const auto begins = locate_storages(reader, keys, file);
    return gather_tensors(object, file.size(), [&](const PickleStorage& storage) {
        const auto begin = begins.find(&storage);
        if (begin == begins.end()) throw UserError("storage '{}' is not in the file", printable(storage.key));
        return file.read(begin->second, static_cast<std::uint64_t>(storage.elements * storage.type->bytes));
    });
}

}  // namespace thaw
