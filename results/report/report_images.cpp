// The page's section on single images: what the winner takes for what, and the photos that it takes wrongly.
#include <fmt/format.h>

#include <algorithm>

#include "common/util/text.hpp"
#include "results/report/report_figures.hpp"
#include "results/report/report_pages.hpp"
#include "results/report/report_sentences.hpp"

namespace thaw {
namespace {

constexpr std::size_t kMostPhotos = 24, kMostPairsOfPhotos = 12;

std::string base64(const std::string& bytes) {
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::size_t left = std::min<std::size_t>(3, bytes.size() - at);
        unsigned group = 0;
        for (std::size_t i = 0; i < 3; ++i)
            group = group << 8 | (i < left ? static_cast<unsigned char>(bytes[at + i]) : 0U);
        for (std::size_t i = 0; i < 4; ++i) text += i <= left ? kDigits[group >> (18 - 6 * i) & 63] : '=';
    }
    return text;
}

/// Images that are taken for another class than theirs, of the most frequent mistakes first.
std::vector<std::size_t> mistakes(const WinnerImages& winner) {
    const Confusion confusion = confusion_of(*winner.images, *winner.predicted);
    std::vector<std::size_t> wrong;
    const auto classes = [&](std::size_t i) { return std::pair((*winner.images)[i].label, (*winner.predicted)[i]); };
    for (std::size_t i = 0; i < winner.images->size(); ++i)
        if ((*winner.predicted)[i] >= 0 && classes(i).first != classes(i).second) wrong.push_back(i);
    std::stable_sort(wrong.begin(), wrong.end(), [&](std::size_t a, std::size_t b) {
        const int x = confusion.at(classes(a)), y = confusion.at(classes(b));
        return x != y ? x > y : classes(a) < classes(b);
    });
    return wrong;
}

std::string photo(const ReportData& data, const WinnerImages& winner, std::size_t i, const Thumbnail& thumbnail) {
    const ImageRecord& image = (*winner.images)[i];
    const std::string text =
        fmt::format("{} taken for {}", class_name(data, image.label), class_name(data, (*winner.predicted)[i]));
    const std::string jpeg = thumbnail ? thumbnail(std::filesystem::path(data.sweep.data_folder) / image.path) : "";
    const std::string picture = jpeg.empty() ? "<span class=\"missing\">not to be read here</span>"
                                             : fmt::format("<img alt=\"{}\" src=\"data:image/jpeg;base64,{}\">",
                                                           escape_html(text), base64(jpeg));
    return fmt::format("<figure>{}<figcaption>{}<br><small>{}</small></figcaption></figure>\n", picture,
                       escape_html(text), escape_html(image.path));
}

std::string confused_pairs(const ReportData& data, const WinnerImages& winner) {
    std::string rows;
    for (const ConfusedPair& pair : most_confused(confusion_of(*winner.images, *winner.predicted), kMostPairsOfPhotos))
        rows += "<tr>" + html_cell(class_name(data, pair.label)) + html_cell(class_name(data, pair.other)) +
                html_number(fmt::format("{}", pair.as_other), pair.as_other) +
                html_number(fmt::format("{}", pair.as_label), pair.as_label) + "</tr>\n";
    if (rows.empty()) return html_paragraph("No image was taken for another class.", "");
    return "<h3>Most confused</h3>\n" +
           html_table({"class", "and", ">first taken for second", ">second for first"}, rows, "Most confused classes");
}

std::string class_scores_html(const ReportData& data) {
    const auto scores = winner_scores(data);
    if (!scores) return "";
    std::string rows;
    for (const auto& row : scores->table.rows) {
        const auto& name = std::get<std::string>(row[0]);
        rows += "<tr>" + html_cell(name);
        for (const std::size_t count : {1U, 2U})
            rows += html_number(fmt::format("{}", std::get<std::int64_t>(row[count])));
        for (const std::size_t share : {3U, 4U, 5U}) rows += html_number(decimals(std::get<double>(row[share]), 4));
        rows += "</tr>\n";
    }
    std::string text = "<h3>Precision and recall of each class</h3>\n";
    if (scores->left_out > 0)
        text += html_paragraph(
            fmt::format("The classes with the lowest F1; {} more are in the average.", scores->left_out), "quiet");
    return text + html_table({"class", ">images", ">taken for it", ">precision", ">recall", ">F1"}, rows,
                             "Precision, recall and F1 of each class");
}

}  // namespace

std::string images_section(const ReportData& data, const Thumbnail& thumbnail) {
    if (data.analysis.configurations.empty()) return "";
    std::string text = "<section id=\"images\"><h2>What is taken for what</h2>\n";
    const auto winner = winner_images(data);
    if (!winner)
        return text +
               html_paragraph(
                   "The database has no predictions of the winner's, as of runs by older versions: no "
                   "confusions, photos and tests image by image.",
                   "quiet") +
               "</section>\n";
    const Score score = score_of(*winner->images, *winner->predicted);
    const auto unreadable = std::count(winner->predicted->begin(), winner->predicted->end(), -1);
    text += html_paragraph(
        fmt::format("Trial {}: {} of {} {} images right{}.", data.winning_trial().id, score.correct, score.images,
                    winner->part, unreadable > 0 ? fmt::format("; {} more could not be read", unreadable) : ""),
        "");
    if (const auto map = confusion_map(data)) text += heat_table(*map);
    text += class_scores_html(data);
    text += confused_pairs(data, *winner);
    const std::vector<std::size_t> wrong = mistakes(*winner);
    if (!wrong.empty()) {
        text += "<h3>Photos taken for something else</h3>\n";
        if (wrong.size() > kMostPhotos)
            text += html_paragraph(
                fmt::format("{} of {}, of the most frequent mistakes first.", kMostPhotos, wrong.size()), "quiet");
        text += "<div class=\"photos\">\n";
        for (std::size_t i = 0; i < std::min(kMostPhotos, wrong.size()); ++i)
            text += photo(data, *winner, wrong[i], thumbnail);
        text += "</div>\n";
    }
    return text + "</section>\n";
}

}  // namespace thaw
