// A report as data: blocks with what it says and shows, once, for every page that is made of it.
#pragma once

#include <cmath>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "results/report/report.hpp"
#include "results/report/report_figures.hpp"
#include "results/report/report_sentences.hpp"

namespace thaw {

enum class Mark { none, strong, code, tag };
struct Run {
    std::string text;
    Mark mark = Mark::none;
};
/// A text and its marks, to be escaped where it is written. A run that is "\n" begins a new line.
struct Text {
    std::vector<Run> runs;
    Text() = default;
    Text(std::string text) : runs{{std::move(text)}} {}
    Text(const char* text) : Text(std::string(text)) {}
    Text(std::initializer_list<Run> marked) : runs(marked) {}
};
/// "First 25 of 400 rows".
std::string first_rows_text(std::size_t shown, std::size_t all);
/// The backbone's name, with a mark where its weights are random or its precision is bf16.
Text backbone_text(const AxisValues& values);

struct Heading {  // below that of a section
    std::string text;
};
struct Paragraph {
    Text text;
    const char* style = "quiet";  // a class of report.css
};
struct Facts {
    std::vector<Fact> facts;
    bool in_a_row = false;  // short ones, side by side
};

/// A table.
struct Grid {
    struct Column {
        enum class Kind { text, number, wide };
        std::string heading;
        Kind kind = Kind::text;
        Column(std::string name, Kind of = Kind::text) : heading(std::move(name)), kind(of) {}
        Column(const char* name) : heading(name) {}
    };
    struct Cell {
        Text text;
        double key = std::nan("");  // to sort by, where the text is not a number
        Cell(Text words) : text(std::move(words)) {}
        Cell(std::string words, double sorted_by = std::nan("")) : text(std::move(words)), key(sorted_by) {}
    };
    std::string caption;
    std::vector<Column> columns;
    std::vector<std::vector<Cell>> rows;
    std::size_t most_without_scripts = 200;  // rows, where they can be neither sorted nor filtered
    std::size_t total = 0;                   // how many rows there are of which `rows` are the first; 0: these are all
    bool folded = false;                     // behind a click
};
inline Grid::Column number(const char* heading) {
    return {heading, Grid::Column::Kind::number};
}
inline Grid::Column wide(const char* heading) {
    return {heading, Grid::Column::Kind::wide};
}

struct Figures {
    enum class Layout { alone, grid, pairs, scroll };
    std::vector<Figure> figures;
    Layout layout = Layout::alone;
};
struct Photo {
    std::filesystem::path file;
    std::string name, text;
};
struct Photos {
    std::vector<Photo> photos;
};
struct Listing {  // a file's text
    std::string text;
};

using Block = std::variant<Heading, Paragraph, Facts, Grid, HeatMap, Figures, Photos, Listing>;
using Blocks = std::vector<Block>;

struct Section {
    const char *id, *title;
    Blocks blocks;
};

struct Document {
    std::string name;
    Text answer;
    Blocks lead;  // what stands before all sections
    std::vector<Section> sections;
    std::vector<std::string> configurations;  // what tips of charts name by number
};

Document report_document(const ReportData& data);

/// One page; without `thumbnail` photos are only named.
std::string report_html(const Document& document, const Thumbnail& thumbnail);
/// Its charts are links to files in the folder `figures`.
std::string report_markdown(const Document& document, const std::filesystem::path& figures);
/// The charts as files for a paper, by name: complete SVG documents.
std::vector<std::pair<std::string, std::string>> figure_files(const Document& document);

}  // namespace thaw
