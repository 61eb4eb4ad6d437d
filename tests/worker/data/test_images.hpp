// Small image trees for the tests of worker/data.
#pragma once

#include <filesystem>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <vector>

#include "common/util/atomic_file.hpp"

namespace thaw {

inline const std::filesystem::path kGolden = std::filesystem::path(THAW_SOURCE_DIR) / "tests/worker/data/golden";

/// Writes a file (and the folders above it) whose content is only its own name: scanning looks at contents alone.
inline void write_stub(const std::filesystem::path& path) {
    std::filesystem::create_directories(path.parent_path());
    write_file(path, path.string());
}

inline void write_stubs(const std::filesystem::path& folder, const std::vector<std::string>& names) {
    for (const std::string& name : names) write_stub(folder / name);
}

/// `count` images 00.jpg, 01.jpg... in FOLDER/CLASS.
inline void write_class(const std::filesystem::path& folder, const std::string& name, int count) {
    for (int i = 0; i < count; ++i) write_stub(folder / name / ((i < 10 ? "0" : "") + std::to_string(i) + ".jpg"));
}

/// A picture with structure in every place, so that lost or turned pixels show.
inline cv::Mat picture(int width, int height) {
    cv::Mat image(height, width, CV_8UC3);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            image.at<cv::Vec3b>(y, x) = {static_cast<std::uint8_t>(x * 255 / width),
                                         static_cast<std::uint8_t>(y * 255 / height),
                                         static_cast<std::uint8_t>((x * 7 + y * 13) % 256)};
    return image;
}

}  // namespace thaw
