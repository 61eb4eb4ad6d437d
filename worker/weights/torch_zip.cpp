// PyTorch's format since 1.6: a zip archive NAME/ with the object in NAME/data.pkl and each storage in NAME/data/KEY.
#include "common/util/error.hpp"
#include "worker/weights/pickled_tensors.hpp"
#include "worker/weights/printable.hpp"
#include "worker/weights/zip_archive.hpp"

namespace thaw {

TensorMap read_torch_zip(const std::filesystem::path& path, const FileReader& file) {
    const ZipArchive archive(path, file.size());
    const std::string root = archive.folder_of("data.pkl");
    if (root.empty()) throw UserError("it is a zip archive without a data.pkl, so not one that torch.save wrote");
    const std::string byte_order = root + "byteorder";
    if (archive.has(byte_order) && archive.read<std::string>(byte_order, 0, 100) != "little")
        throw UserError("it was written on a big-endian machine; load and save it again on this one");
    const auto pickle = archive.read<std::string>(root + "data.pkl", 0, kMostPickleBytes);
    PickleReader reader(pickle);
    const PickleValue object = reader.read();
    return gather_tensors(object, archive.content_bytes(), [&](const PickleStorage& storage) {
        // An element count that overflows here is larger than any record.
        const auto elements = static_cast<std::uint64_t>(storage.elements);
        const std::uint64_t most = archive.content_bytes();
        if (elements > most)
            throw UserError("storage '{}' claims {} elements, the archive holds {} bytes", printable(storage.key),
                            elements, most);
        return archive.read<std::vector<std::byte>>(root + "data/" + std::string(storage.key),
                                                    elements * static_cast<std::uint64_t>(storage.type->bytes), most);
    });
}

}  // namespace thaw
