#include "worker/data/fashion_mnist.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cstdint>
#include <memory>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <system_error>
#include <vector>

#include "common/util/error.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 10> kClasses = {"tshirt_top", "trouser", "pullover", "dress", "coat",
                                                  "sandal",     "shirt",   "sneaker",  "bag",   "ankle_boot"};
constexpr std::size_t kImageSide = 28, kImagePixels = kImageSide * kImageSide;

/// The file's content; zlib reads gzipped and plain files alike.
std::vector<std::uint8_t> read_idx(const fs::path& folder, const std::string& name) {
    fs::path path = folder / (name + ".gz");
    if (!fs::exists(path)) path = folder / name;
    const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), &gzclose);
    if (!file)
        throw UserError("{}: no such file, nor with .gz; Debian's package dataset-fashion-mnist puts it into {}",
                        path.string(), kFashionMnistFolder);
    std::vector<std::uint8_t> content;
    std::vector<std::uint8_t> block(1 << 16);
    int count = 0;
    while ((count = gzread(file.get(), block.data(), static_cast<unsigned>(block.size()))) > 0)
        content.insert(content.end(), block.begin(), block.begin() + count);
    int code = Z_OK;
    const char* error = gzerror(file.get(), &code);
    if (code != Z_OK) throw UserError("{}: damaged: {}", path.string(), error);
    return content;
}

/// Checks an idx file's magic number and its number of items of `item_bytes` bytes; returns the items alone.
std::vector<std::uint8_t> read_items(const fs::path& folder, const std::string& name, std::uint8_t dimensions,
                                     std::size_t item_bytes) {
    std::vector<std::uint8_t> content = read_idx(folder, name);
    const std::size_t header = 4 + std::size_t{4} * dimensions;
    const bool is_idx =
        content.size() >= header && content[0] == 0 && content[1] == 0 && content[2] == 8 && content[3] == dimensions;
    const std::size_t items =
        is_idx ? (std::size_t{content[4]} << 24 | content[5] << 16 | content[6] << 8 | content[7]) : 0;
    if (!is_idx || content.size() != header + items * item_bytes)
        throw UserError("{}: not Fashion-MNIST's {} (wrong header or length)", folder.string(), name);
    content.erase(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(header));
    return content;
}

void write_part(const fs::path& idx_folder, const std::string& prefix, const fs::path& out, int per_class) {
    std::vector<std::uint8_t> images = read_items(idx_folder, prefix + "-images-idx3-ubyte", 3, kImagePixels);
    const std::vector<std::uint8_t> labels = read_items(idx_folder, prefix + "-labels-idx1-ubyte", 1, 1);
    if (labels.size() * kImagePixels != images.size())
        throw UserError("{}: {} has {} labels for {} images", idx_folder.string(), prefix, labels.size(),
                        images.size() / kImagePixels);
    for (const char* name : kClasses) fs::create_directories(out / name);
    std::array<int, kClasses.size()> written{};
    for (std::size_t i = 0; i < labels.size(); ++i) {
        if (labels[i] >= kClasses.size())
            throw UserError("{}: {} has a label {}; there are ten classes", idx_folder.string(), prefix, labels[i]);
        if (written[labels[i]] == per_class) continue;
        const fs::path path = out / kClasses[labels[i]] / fmt::format("{:05}.png", ++written[labels[i]]);
        const cv::Mat image(kImageSide, kImageSide, CV_8U, images.data() + i * kImagePixels);
        if (!cv::imwrite(path, image)) throw UserError("{}: cannot be written; is the disk full?", path.string());
    }
    for (std::size_t c = 0; c < kClasses.size(); ++c)
        if (written[c] < per_class)
            throw UserError("{} images of each class asked for, but {} has {} of {}", per_class, prefix, written[c],
                            kClasses[c]);
}

bool has_images(const fs::path& part, int per_class) {
    for (const char* name : kClasses) {
        std::error_code error;
        const auto count = std::distance(fs::directory_iterator(part / name, error), fs::directory_iterator());
        if (error || count != per_class) return false;
    }
    return true;
}

void write_tree(const fs::path& idx_folder, const fs::path& out, int per_class_train, int per_class_validation) {
    const fs::path temporary = out.parent_path() / fmt::format(".{}.{}.tmp", out.filename().string(), ::getpid());
    try {
        write_part(idx_folder, "train", temporary / "train", per_class_train);
        write_part(idx_folder, "t10k", temporary / "val", per_class_validation);
        fs::rename(temporary, out);
    } catch (...) {
        std::error_code ignored;
        fs::remove_all(temporary, ignored);
        throw;
    }
}

}  // namespace

void write_fashion_mnist_tree(const fs::path& idx_folder, const fs::path& folder, int per_class_train,
                              int per_class_validation) {
    if (per_class_train < 1 || per_class_validation < 1)
        throw UserError("{} and {} images a class asked for; at least one of each", per_class_train,
                        per_class_validation);
    fs::path out = fs::absolute(folder).lexically_normal();
    if (!out.has_filename()) out = out.parent_path();  // "OUT/"
    if (has_images(out / "train", per_class_train) && has_images(out / "val", per_class_validation)) return;
    try {
        if (fs::exists(out) && !fs::is_empty(out))
            throw UserError("{} is there already and holds something else; remove it or take another folder",
                            out.string());
        fs::create_directories(out.parent_path());
        write_tree(idx_folder, out, per_class_train, per_class_validation);
    } catch (const fs::filesystem_error& error) {
        throw UserError(error.what());
    }
}

}  // namespace thaw
