// A zip archive of a weight file: its records whole, none that claims to unpack to far more than the file backs.
#pragma once

#include <zip.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "common/util/error.hpp"
#include "worker/weights/printable.hpp"

namespace thaw {

class ZipArchive {
  public:
    /// Throws UserError where it cannot be opened, or unpacks to more than 16 times the file.
    ZipArchive(const std::filesystem::path& path, std::uint64_t file_bytes);

    /// Of all records, unpacked.
    std::uint64_t content_bytes() const { return content_bytes_; }
    /// What stands before `name` in the name of a record "FOLDER/name"; empty where there is none.
    std::string folder_of(const std::string& name) const;
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
    void measure(std::uint64_t file_bytes);

    std::unique_ptr<zip_t, void (*)(zip_t*)> archive_{nullptr, &::zip_discard};
    std::uint64_t content_bytes_ = 0;
};

}  // namespace thaw
