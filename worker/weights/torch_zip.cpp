// PyTorch's format since 1.6: a zip archive NAME/ with the object in NAME/data.pkl and each storage in NAME/data/KEY.
#include <zip.h>

#include <memory>

#include "common/error.hpp"
#include "worker/weights/pickled_tensors.hpp"
#include "worker/weights/printable.hpp"

namespace thaw {
namespace {

class ZipArchive {
  public:
    ZipArchive(const std::filesystem::path& path, std::uint64_t file_bytes) {
        int code = 0;
        archive_.reset(::zip_open(path.c_str(), ZIP_RDONLY, &code));
        if (!archive_) {
            zip_error_t error;
            ::zip_error_init_with_code(&error, code);
            const std::string reason = ::zip_error_strerror(&error);
            ::zip_error_fini(&error);
            throw UserError(
                "it begins as a zip archive but cannot be opened as one ({}): truncated or damaged, fetch it again",
                reason);
        }
        measure(file_bytes);
    }

    /// Of all records, unpacked.
    std::uint64_t content_bytes() const { return content_bytes_; }
    const std::string& root() const { return root_; }
    bool has(const std::string& name) const { return ::zip_name_locate(archive_.get(), name.c_str(), 0) >= 0; }

    /// The whole record; throws UserError where it is absent, smaller than `least`, larger than `most`, or damaged.
    template <typename Buffer>
    Buffer read(const std::string& name, std::uint64_t least, std::uint64_t most) const {
        zip_stat_t status;
        if (::zip_stat(archive_.get(), name.c_str(), 0, &status) != 0 || !(status.valid & ZIP_STAT_SIZE))
            throw UserError("record '{}' is not in the archive", printable(name));
        if (status.size < least || status.size > most)
            throw UserError("record '{}' has {} bytes; {} to {} are expected", printable(name), status.size, least,
                            most);
        std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> record(::zip_fopen(archive_.get(), name.c_str(), 0),
                                                                 &::zip_fclose);
        if (!record)
            throw UserError("record '{}' cannot be opened: {}", printable(name), ::zip_strerror(archive_.get()));
        Buffer buffer(status.size, {});
        // The read at the end of the record is the one that compares its checksum.
        char beyond = 0;
        if (::zip_fread(record.get(), buffer.data(), buffer.size()) != static_cast<zip_int64_t>(buffer.size()) ||
            ::zip_fread(record.get(), &beyond, 1) != 0)
            throw UserError("record '{}' is damaged ({}); fetch the file again", printable(name),
                            ::zip_file_strerror(record.get()));
        return buffer;
    }

  private:
    /// Finds the root folder, and refuses archives that unpack to far more than the file (PyTorch does not compress).
    void measure(std::uint64_t file_bytes) {
        constexpr std::uint64_t kMostExpansion = 16, kSlack = 1 << 20;
        const std::uint64_t most = kMostExpansion * file_bytes + kSlack;
        const zip_int64_t entries = ::zip_get_num_entries(archive_.get(), 0);
        for (zip_int64_t i = 0; i < entries; ++i) {
            zip_stat_t status;
            if (::zip_stat_index(archive_.get(), static_cast<zip_uint64_t>(i), 0, &status) != 0) continue;
            if (status.size > most || (content_bytes_ += status.size) > most)
                throw UserError(
                    "its {} bytes claim to unpack to more than {}; save it again with torch.save, which "
                    "does not compress",
                    file_bytes, most);
            const std::string_view name = status.name;
            const std::size_t slash = name.find('/');
            if (slash != std::string_view::npos && name.substr(slash) == "/data.pkl") root_ = name.substr(0, slash + 1);
        }
        if (root_.empty()) throw UserError("it is a zip archive without a data.pkl, so not one that torch.save wrote");
    }

    std::unique_ptr<zip_t, void (*)(zip_t*)> archive_{nullptr, &::zip_discard};
    std::uint64_t content_bytes_ = 0;
    std::string root_;
};

}  // namespace

TensorMap read_torch_zip(const std::filesystem::path& path, const FileReader& file) {
    const ZipArchive archive(path, file.size());
    const std::string byte_order = archive.root() + "byteorder";
    if (archive.has(byte_order) && archive.read<std::string>(byte_order, 0, 100) != "little")
        throw UserError("it was written on a big-endian machine; load and save it again on this one");
    const auto pickle = archive.read<std::string>(archive.root() + "data.pkl", 0, kMostPickleBytes);
    PickleReader reader(pickle);
    const PickleValue object = reader.read();
    return gather_tensors(object, archive.content_bytes(), [&](const PickleStorage& storage) {
        // An element count that overflows here is larger than any record.
        const auto elements = static_cast<std::uint64_t>(storage.elements);
        const std::uint64_t most = archive.content_bytes();
        if (elements > most)
            throw UserError("storage '{}' claims {} elements, the archive holds {} bytes", printable(storage.key),
                            elements, most);
        return archive.read<std::vector<std::byte>>(archive.root() + "data/" + std::string(storage.key),
                                                    elements * static_cast<std::uint64_t>(storage.type->bytes), most);
    });
}

}  // namespace thaw
