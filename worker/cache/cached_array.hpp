// An array with one row for each image of a data set: used again where it stands in the cache, or made from the rows
// that arrays of other data sets have for the same images.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/util/cache_folder.hpp"
#include "common/util/fingerprint.hpp"
#include "worker/cache/array_file.hpp"

namespace thaw {

/// An image that could not be decoded: its row is zero in every array.
struct BadImage {
    int index;           // into Dataset::images
    std::string reason;  // for people; names the file
    bool operator==(const BadImage&) const = default;
};

/// Those of an array, from the file beside it. Throws StageError where that is damaged.
std::vector<BadImage> read_bad_images(const std::filesystem::path& array);

/// Names the images, in the order of an array's rows.
using RowFingerprints = std::vector<std::string>;
std::string rows_key(const RowFingerprints& rows);

/// What is kept in `folder` about arrays whose names end in that key. None where it is not there or damaged.
std::optional<RowFingerprints> read_rows(const std::filesystem::path& folder, const std::string& key);
/// Sees to it that it is there. The key is rows_key(rows), or another that is made of all that decides the rows.
void keep_rows(const std::filesystem::path& folder, const std::string& key, const RowFingerprints& rows);

struct ArrayShape {
    std::int64_t rows = 0, row_elements = 0;
    int element_bytes = 1;
};

/// Rows that arrays of other data sets have: verified, and open, so that they may be thrown out of the cache meanwhile.
class DonatedRows {
  public:
    /// Takes donors with the same content from the folder of `array`, those with the most of the missing rows first.
    DonatedRows(const std::filesystem::path& array, const ArrayShape& shape, const RowFingerprints& rows,
                std::vector<std::int64_t> wanted);
    /// Nobody donates.
    explicit DonatedRows(std::vector<std::int64_t> wanted) : missing_(std::move(wanted)) {}

    /// Those of the wanted rows that no donor has; ascending.
    const std::vector<std::int64_t>& missing() const { return missing_; }
    void copy_to(ArrayFileWriter& writer) const;

  private:
    struct Donor {
        ArrayFile file;
        std::vector<std::pair<std::int64_t, std::int64_t>> rows;  // from its to ours
    };
    std::vector<Donor> donors_;
    std::vector<std::int64_t> missing_;
};

class CachedArray {
  public:
    /// `budget`: of the cache folder in which the array lies; 0: the folder is of one run alone, and knows no donors.
    CachedArray(std::filesystem::path path, const ArrayShape& shape, std::int64_t budget)
        : path_(std::move(path)), shape_(shape), cache_(path_.parent_path(), budget) {}

    /// The bad images of the array that stands there already, whole and verified; none where it must be made. Says so
    /// where it is damaged.
    std::optional<std::vector<BadImage>> reuse() const;

    /// `rows`: what names this array's rows; empty: that is not known, so nobody donates.
    DonatedRows donated(const RowFingerprints& rows, std::vector<std::int64_t> wanted) const;

    /// Makes room and takes it. What stood there goes.
    std::unique_ptr<ArrayFileWriter> begin() const;
    void commit(ArrayFileWriter& writer, const std::vector<BadImage>& bad) const;

    const ArrayShape& shape() const { return shape_; }
    std::int64_t file_bytes() const;

  private:
    std::filesystem::path path_;
    ArrayShape shape_;
    CacheFolder cache_;
};

}  // namespace thaw
