// A dataset's identity, and its JSON file.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "common/util/fingerprint.hpp"
#include "worker/data/image_folder.hpp"

namespace thaw {

std::string ImageFile::pixels() const {
    return decoder == 1 ? fingerprint : Fingerprint().add(fingerprint).add("decoder " + std::to_string(decoder)).hex();
}

std::string Dataset::fingerprint() const {
    Fingerprint hash;
    for (const std::string& name : classes) hash.add(name);
    for (const ImageFile& image : images) {
        hash.add(image.pixels()).add(std::to_string(image.label)).add(std::to_string(static_cast<int>(image.part)));
        if (image.fold != 0) hash.add("fold " + std::to_string(image.fold));
    }
    return hash.hex();
}

int Dataset::count(Part part, int fold) const {
    return static_cast<int>(
        std::ranges::count_if(images, [&](const ImageFile& image) { return image.part_in(fold) == part; }));
}

void write_dataset(const std::filesystem::path& path, const Dataset& dataset) {
    nlohmann::json images = nlohmann::json::array();
    for (const ImageFile& image : dataset.images)
        images.push_back(
            {image.path, image.label, static_cast<int>(image.part), image.fingerprint, image.fold, image.decoder});
    const nlohmann::json json = {{"folder", dataset.folder.string()}, {"classes", dataset.classes}, {"images", images}};
    write_file(path, json.dump());
}

Dataset read_dataset(const std::filesystem::path& path) {
    const std::string text = read_file(path);
    try {
        const nlohmann::json json = nlohmann::json::parse(text);
        Dataset dataset;
        dataset.folder = json.at("folder").get<std::string>();
        dataset.classes = json.at("classes").get<std::vector<std::string>>();
        for (const nlohmann::json& image : json.at("images"))
            dataset.images.push_back({image.at(0).get<std::string>(), image.at(1).get<int>(),
                                      static_cast<Part>(image.at(2).get<int>()), image.at(3).get<std::string>(),
                                      image.at(4).get<int>(), image.at(5).get<int>()});
        return dataset;
    } catch (const nlohmann::json::exception& error) {
        throw StageError("{}: not a dataset file: {}", path.string(), error.what());
    }
}

}  // namespace thaw
