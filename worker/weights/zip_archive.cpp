#include "worker/weights/zip_archive.hpp"

namespace thaw {

ZipArchive::ZipArchive(const std::filesystem::path& path, std::uint64_t file_bytes) {
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

std::string ZipArchive::folder_of(const std::string& name) const {
    const zip_int64_t entries = ::zip_get_num_entries(archive_.get(), 0);
    std::string folder;
    for (zip_int64_t i = 0; i < entries; ++i) {
        const char* entry = ::zip_get_name(archive_.get(), static_cast<zip_uint64_t>(i), 0);
        const std::string_view record = entry ? entry : "";
        const std::size_t slash = record.find('/');
        if (slash != std::string_view::npos && record.substr(slash + 1) == name) folder = record.substr(0, slash + 1);
    }
    return folder;
}

/// Neither PyTorch nor Keras compresses.
void ZipArchive::measure(std::uint64_t file_bytes) {
    constexpr std::uint64_t kMostExpansion = 16, kSlack = 1 << 20;
    const std::uint64_t most = kMostExpansion * file_bytes + kSlack;
    const zip_int64_t entries = ::zip_get_num_entries(archive_.get(), 0);
    for (zip_int64_t i = 0; i < entries; ++i) {
        zip_stat_t status;
        if (::zip_stat_index(archive_.get(), static_cast<zip_uint64_t>(i), 0, &status) != 0) continue;
        if (status.size > most || (content_bytes_ += status.size) > most)
            throw UserError(
                "its {} bytes claim to unpack to more than {}; save it again with torch.save or model.save, which "
                "do not compress",
                file_bytes, most);
    }
}

}  // namespace thaw
