// The weight files of fixtures/, which make_fixtures.py makes with PyTorch.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "common/util/atomic_file.hpp"

namespace thaw {

inline const std::filesystem::path kFixtures = THAW_SOURCE_DIR "/tests/worker/weights/fixtures";

inline nlohmann::json read_json(const std::filesystem::path& path) {
    return nlohmann::json::parse(read_file(path));
}

}  // namespace thaw
