#include "worker/cache/cached_array.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>
#include <unordered_map>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "common/util/storage.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKeyDigits = 16;

fs::path rows_file(const fs::path& folder, const std::string& key) {
    return folder / ("rows-" + key);
}

void write_or_fail(const fs::path& path, std::string_view text) {
    try {
        write_file(path, text);
    } catch (const std::system_error& error) {
        if (is_storage_error(error)) throw;
        throw StageError(error.what());
    }
}

void write_bad_images(const fs::path& array, const std::vector<BadImage>& bad) {
    nlohmann::json list = nlohmann::json::array();
    for (const BadImage& image : bad) list.push_back({{"index", image.index}, {"reason", image.reason}});
    const std::string text = list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    write_or_fail(bad_images_file(array), fingerprint(text) + "\n" + text);
}

/// Whether the array has this shape and its checksum holds.
bool is_whole(const ArrayFile& file, const ArrayShape& shape) {
    return file.rows() == shape.rows && file.row_elements() == shape.row_elements &&
           file.element_bytes() == shape.element_bytes && file.verify();
}

/// An array of another data set, and which of the wanted rows it has.
struct Candidate {
    fs::path path;
    std::int64_t rows = 0;
    std::vector<std::pair<std::int64_t, std::int64_t>> common;  // its row, ours
};

/// The rows that both have, but for its bad ones: what made them bad may have passed.
void compare(Candidate& candidate, const RowFingerprints& theirs, const RowFingerprints& ours,
             const std::vector<std::int64_t>& wanted) {
    std::unordered_map<std::string_view, std::int64_t> places;
    for (std::size_t i = 0; i < theirs.size(); ++i) places.emplace(theirs[i], static_cast<std::int64_t>(i));
    for (const BadImage& bad : read_bad_images(candidate.path))
        places.erase(theirs.at(static_cast<std::size_t>(bad.index)));
    candidate.rows = static_cast<std::int64_t>(theirs.size());
    candidate.common.clear();
    for (const std::int64_t row : wanted) {
        const auto found = places.find(ours[static_cast<std::size_t>(row)]);
        if (found != places.end()) candidate.common.emplace_back(found->second, row);
    }
}

std::vector<fs::path> arrays_with_content(const fs::path& folder, const ArrayName& name) {
    std::vector<fs::path> paths;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
        const auto other = ArrayName::parse(entry.path().filename().string());
        if (other && other->content == name.content && other->images != name.images) paths.push_back(entry.path());
    }
    std::ranges::sort(paths);
    return paths;
}

/// The array with the most of the wanted rows, among `paths`, from which those with none are removed.
Candidate best_of(std::vector<fs::path>& paths, const RowFingerprints& ours, const std::vector<std::int64_t>& wanted) {
    Candidate best;
    std::erase_if(paths, [&](const fs::path& path) {
        Candidate candidate{path, 0, {}};
        try {
            const auto theirs = read_rows(path.parent_path(), ArrayName::parse(path.filename().string())->images);
            if (theirs) compare(candidate, *theirs, ours, wanted);
        } catch (const std::exception& error) {
            spdlog::debug("no donor: {}", error.what());
            candidate.common.clear();
        }
        const bool useless = candidate.common.empty();
        if (candidate.common.size() > best.common.size()) best = std::move(candidate);
        return useless;
    });
    return best;
}

}  // namespace

std::vector<BadImage> read_bad_images(const fs::path& array) {
    const fs::path file = bad_images_file(array);
    try {
        const std::string text = read_file(file);
        const auto end = text.find('\n');
        if (end == std::string::npos || fingerprint(std::string_view(text).substr(end + 1)) != text.substr(0, end))
            throw StageError("damaged");
        std::vector<BadImage> bad;
        for (const nlohmann::json& image :
             nlohmann::json::parse(text.begin() + static_cast<std::ptrdiff_t>(end) + 1, text.end()))
            bad.push_back({image.at("index").get<int>(), image.at("reason").get<std::string>()});
        return bad;
    } catch (const std::exception& error) {
        throw StageError("{}: {}; remove {} and it is made again", file.string(), error.what(), array.string());
    }
}

std::string rows_key(const RowFingerprints& rows) {
    Fingerprint hash;
    for (const std::string& row : rows) hash.add(row);
    return hash.hex().substr(0, kKeyDigits);
}

std::optional<RowFingerprints> read_rows(const fs::path& folder, const std::string& key) {
    try {
        const auto json = nlohmann::json::parse(read_file(rows_file(folder, key)));
        auto rows = (json.is_array() ? json : json.at("rows")).get<RowFingerprints>();
        if (rows_key(rows) == (json.is_array() ? key : json.at("hash").get<std::string>())) return rows;
    } catch (const std::exception& error) {
        spdlog::debug("{}: {}", rows_file(folder, key).string(), error.what());
    }
    return std::nullopt;
}

void keep_rows(const fs::path& folder, const std::string& key, const RowFingerprints& rows) {
    if (read_rows(folder, key)) return;
    const std::string hash = rows_key(rows);
    const nlohmann::json list = rows;
    write_or_fail(rows_file(folder, key), (hash == key ? list : nlohmann::json{{"hash", hash}, {"rows", list}}).dump());
}

DonatedRows::DonatedRows(const fs::path& array, const ArrayShape& shape, const RowFingerprints& rows,
                         std::vector<std::int64_t> wanted)
    : missing_(std::move(wanted)) {
    const auto name = ArrayName::parse(array.filename().string());
    THAW_CHECK(name && static_cast<std::int64_t>(rows.size()) == shape.rows, "{} rows for {}", rows.size(),
               array.string());
    std::vector<fs::path> paths = arrays_with_content(array.parent_path(), *name);
    while (!missing_.empty()) {
        Candidate best = best_of(paths, rows, missing_);
        if (best.common.empty()) return;
        std::erase(paths, best.path);
        try {
            ArrayFile file(best.path);
            if (!is_whole(file, {best.rows, shape.row_elements, shape.element_bytes})) throw StageError("damaged");
            donors_.push_back({std::move(file), std::move(best.common)});
        } catch (const StageError& error) {
            spdlog::warn("no rows are taken from {}: {}", best.path.string(), error.what());
            continue;
        }
        std::vector<bool> given(rows.size());
        for (const auto& [from, to] : donors_.back().rows) given[static_cast<std::size_t>(to)] = true;
        std::erase_if(missing_, [&](std::int64_t row) { return given[static_cast<std::size_t>(row)]; });
    }
}

void DonatedRows::copy_to(ArrayFileWriter& writer) const {
    for (const Donor& donor : donors_) {
        const auto bytes = static_cast<std::size_t>(donor.file.row_elements() * donor.file.element_bytes());
        for (const auto& [from, to] : donor.rows) std::memcpy(writer.row(to), donor.file.row(from), bytes);
    }
}

std::optional<std::vector<BadImage>> CachedArray::reuse() const {
    const bool there = cache_.budget() > 0 ? cache_.use(path_) : fs::exists(path_);
    if (!there) return std::nullopt;
    try {
        if (is_whole(ArrayFile(path_), shape_)) return read_bad_images(path_);
        spdlog::warn("{} is damaged; it is made again", path_.string());
    } catch (const StageError& error) {
        spdlog::warn("{} is damaged ({}); it is made again", path_.string(), error.what());
    }
    return std::nullopt;
}

DonatedRows CachedArray::donated(const RowFingerprints& rows, std::vector<std::int64_t> wanted) const {
    if (cache_.budget() == 0 || rows.empty()) return DonatedRows(std::move(wanted));
    return {path_, shape_, rows, std::move(wanted)};
}

std::unique_ptr<ArrayFileWriter> CachedArray::begin() const {
    std::error_code ignored;
    fs::remove(path_, ignored);  // before its bad images change: the old array may not meet the new list
    std::optional<FileLock> room;
    if (cache_.budget() > 0) room = cache_.make_room(file_bytes());
    return std::make_unique<ArrayFileWriter>(path_, shape_.rows, shape_.row_elements, shape_.element_bytes);
}

void CachedArray::commit(ArrayFileWriter& writer, const std::vector<BadImage>& bad) const {
    write_bad_images(path_, bad);
    writer.commit();
}

std::int64_t CachedArray::file_bytes() const {
    return kArrayHeaderBytes + shape_.rows * shape_.row_elements * shape_.element_bytes;
}

}  // namespace thaw
