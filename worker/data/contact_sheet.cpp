#include "worker/data/contact_sheet.hpp"

#include <algorithm>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"

namespace thaw {
namespace {

constexpr int kPictureSide = 160, kGap = 4, kTitleHeight = 28;
const cv::Scalar kPaper(255, 255, 255), kInk(40, 40, 40);

cv::Mat picture(const std::vector<std::uint8_t>& pixels, int size) {
    const cv::Mat rgb(size, size, CV_8UC3, const_cast<std::uint8_t*>(pixels.data()));
    cv::Mat bgr, shown;
    cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
    cv::resize(bgr, shown, {kPictureSide, kPictureSide}, 0, 0,
               size < kPictureSide ? cv::INTER_NEAREST : cv::INTER_AREA);
    return shown;
}

int width_of(const SheetBlock& block) {
    std::size_t columns = 0;
    for (const auto& row : block.rows) columns = std::max(columns, row.size());
    return kGap + static_cast<int>(columns) * (kPictureSide + kGap);
}

int height_of(const SheetBlock& block) {
    return kTitleHeight + static_cast<int>(block.rows.size()) * (kPictureSide + kGap);
}

void draw_block(const SheetBlock& block, int top, cv::Mat& sheet) {
    cv::putText(sheet, block.title, {kGap, top + kTitleHeight - 9}, cv::FONT_HERSHEY_SIMPLEX, 0.45, kInk, 1,
                cv::LINE_AA);
    top += kTitleHeight;
    for (const auto& row : block.rows) {
        int left = kGap;
        for (const auto& pixels : row) {
            picture(pixels, block.size).copyTo(sheet(cv::Rect(left, top, kPictureSide, kPictureSide)));
            left += kPictureSide + kGap;
        }
        top += kPictureSide + kGap;
    }
}

}  // namespace

void write_contact_sheet(const std::filesystem::path& file, const std::vector<SheetBlock>& blocks) {
    if (file.extension() != ".png")
        throw UserError("{}: a contact sheet is a PNG; give it a name that ends in .png", file.string());
    int width = 0, height = kGap;
    for (const SheetBlock& block : blocks) {
        width = std::max(width, width_of(block));
        height += height_of(block);
    }
    cv::Mat sheet(height, width, CV_8UC3, kPaper);
    int top = 0;
    for (const SheetBlock& block : blocks) {
        draw_block(block, top, sheet);
        top += height_of(block);
    }
    std::vector<unsigned char> png;
    cv::imencode(".png", sheet, png);
    try {
        write_file(file, {reinterpret_cast<const char*>(png.data()), png.size()});
    } catch (const std::system_error& error) {
        throw UserError("cannot write {}: {}", file.string(), error.code().message());
    }
}

}  // namespace thaw
