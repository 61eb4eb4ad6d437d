#include "cli/photo_commands.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/export_model.hpp"
#include "common/backbones/imagenet_classes.hpp"
#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "common/util/exit_code.hpp"
#include "common/util/log.hpp"
#include "common/util/placement.hpp"
#include "common/util/table.hpp"
#include "common/util/text.hpp"
#include "results/query/best_trial.hpp"
#include "results/query/find_results.hpp"
#include "worker/predict_run.hpp"
#include "worker/torch/device.hpp"
#include "worker/torch/photos.hpp"
#include "worker/torch/threads.hpp"
#include "worker/weights/safetensors.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;

/// What both commands are told.
struct NetworkOptions {
    PhotoOptions network;
    std::string resize = "squash", interpolation = "bilinear", device = "auto";
    std::vector<std::string> photos;
};

void add_network_options(CLI::App& command, NetworkOptions& words) {
    command.add_option("--backbone", words.network.backbone, "The network; `thaw backbones` lists them");
    command.add_option("--weights", words.network.weights.name, "imagenet, a name of `thaw weights`, or a file")
        ->capture_default_str();
    command.add_option("--preprocessing", words.network.weights.preprocessing,
                       "Of a file that thaw does not know: torch, tf, caffe, lite, raw or rescale");
    command.add_option("--padding", words.network.weights.padding, "Likewise: symmetric or tensorflow");
    command.add_option("--weights-dir", words.network.weights_dir, "Look for weight files here first");
    command.add_option("--image-size", words.network.image_size, "Pixels (default: the backbone's own)");
    command
        .add_option("--resize", words.resize,
                    "squash; crop: the shorter side to size, then the centre; pad: the longer side to size, black "
                    "at both ends")
        ->capture_default_str();
    command.add_option("--shorter-side", words.network.shorter_side,
                       "With crop: the shorter side's pixels before the centre is cut out (torchvision's custom: 256)");
    command.add_option("--interpolation", words.interpolation, "nearest, bilinear, bicubic or area")
        ->capture_default_str();
    command.add_flag("--grey", words.network.grey, "Luminance in all three channels");
    command.add_option("--threads", words.network.threads, "Default: as many as there are cores")
        ->check(CLI::PositiveNumber);
    command.add_option("--device", words.device, "auto, cpu or cuda")->capture_default_str();
    words.network.threads = 0;
}

PhotoOptions options_of(const NetworkOptions& words) {
    PhotoOptions options = words.network;
    options.resize = parse_resize_method(words.resize);
    options.interpolation = parse_interpolation(words.interpolation);
    options.threads = threads_of({{allowed_cores()}, usable_cores(), false, options.threads}, 0);
    prepare_process();
    choose_device(words.device);
    return options;
}

Cell text(std::string value) {
    return Cell(std::move(value));
}

struct Predict {
    NetworkOptions words;
    std::string trial, runs = "runs";
    int top = 5;
    bool csv = false, json = false, test = false;

    int run() const {
        const TableFormat format = csv ? TableFormat::csv : json ? TableFormat::json : TableFormat::text;
        return (words.network.backbone.empty() ? with_run(format) : with_backbone(format)) ? kSomeTrialsFailed : kDone;
    }

  private:
    /// The first word is the run.
    int with_run(TableFormat format) const {
        if (test) return with_test_folder(format);
        if (words.photos.size() < 2)
            throw UserError("give a run and photos, as in `thaw predict quickstart photo.jpg`, or --backbone NAME");
        const fs::path checkpoint = checkpoint_of(words.photos[0], runs, trial);
        const std::vector<fs::path> photos = photos_of({words.photos.begin() + 1, words.photos.end()});
        const PhotoOptions network = options_of(words);
        return predict_with_run({checkpoint, network.weights_dir, network.threads, top, format}, photos);
    }

    int with_test_folder(TableFormat format) const {
        if (words.photos.size() != 1)
            throw UserError("--test is for the run's own test images: give the run and no photos beside it");
        const fs::path checkpoint = checkpoint_of(words.photos[0], runs, trial);
        const TestImages found = test_images(find_results(words.photos[0], runs));
        const PhotoOptions network = options_of(words);
        return predict_with_run({checkpoint, network.weights_dir, network.threads, top, format, found.folder},
                                found.images);
    }

    int with_backbone(TableFormat format) const {
        if (test) throw UserError("--test is for a run: give its name in place of --backbone");
        const std::vector<fs::path> photos = photos_of(words.photos);
        const PhotoNetwork network(options_of(words));
        Table table{{"photo", "rank", "id", "name", "probability"}, {}};
        int unreadable = 0;
        network.classify(photos, [&](std::size_t photo, std::span<const float> values, const std::string& bad) {
            if (!bad.empty()) {
                ++unreadable;
                log_warning(bad);
                return;
            }
            add_rows(photos[photo].string(), values, table);
            if (format == TableFormat::text) print_photo(table);
        });
        if (format != TableFormat::text) fmt::print("{}", to_string(table, format));
        return unreadable;
    }

    void add_rows(const std::string& photo, std::span<const float> values, Table& table) const {
        std::vector<int> order(values.size());
        std::iota(order.begin(), order.end(), 0);
        const auto shown = std::min<std::size_t>(static_cast<std::size_t>(top), order.size());
        std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown), order.end(),
                          [&](int a, int b) {
                              const auto left = static_cast<std::size_t>(a), right = static_cast<std::size_t>(b);
                              return std::pair(-values[left], a) < std::pair(-values[right], b);
                          });
        for (std::size_t i = 0; i < shown; ++i) {
            const ImagenetClass& found = imagenet_classes().at(static_cast<std::size_t>(order[i]));
            table.rows.push_back({text(photo), static_cast<std::int64_t>(i + 1), text(found.id), text(found.name),
                                  static_cast<double>(values[static_cast<std::size_t>(order[i])])});
        }
    }

    /// One photo's rows, as they come: many photos take a while.
    static void print_photo(Table& table) {
        fmt::print("{}\n", std::get<std::string>(table.rows.front()[0]));
        for (const auto& row : table.rows)
            fmt::print("  {:>6.2f} %  {} ({})\n", 100 * std::get<double>(row[4]), std::get<std::string>(row[3]),
                       std::get<std::string>(row[2]));
        std::fflush(stdout);
        table.rows.clear();
    }
};

/// NumPy's array format, version 1.0: a magic, the header's size, the header as a Python dictionary, padded to 64
/// bytes, then the values. (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html)
std::string npy_header(const std::vector<std::int64_t>& shape) {
    std::string header =
        fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}", fmt::join(shape, ", "));
    const std::size_t before = 10;  // magic, version, size
    header.append(64 - (before + header.size() + 1) % 64, ' ');
    header += '\n';
    std::string bytes("\x93NUMPY\x01\x00", 8);
    bytes += static_cast<char>(header.size() & 0xff);
    bytes += static_cast<char>(header.size() >> 8);
    return bytes + header;
}

struct Features {
    NetworkOptions words;
    std::string until = "all", pooling = "avg", out;

    void run() const {
        const std::string extension = fs::path(out).extension().string();
        if (extension != ".npy" && extension != ".safetensors")
            throw UserError("-o {}: the ending says the format: .npy or .safetensors", out);
        std::optional<Pooling> pooled;
        if (pooling != "none") pooled = parse_pooling(pooling);
        const std::vector<fs::path> photos = photos_of(words.photos);
        const PhotoNetwork network(options_of(words));
        const int layers = resolve_freeze(network.graph(), until).frozen_layers;
        if (layers == 0) throw UserError("--until {}: no layer at all", until);
        const std::vector<std::int64_t> shape = shape_of(network.graph(), layers, pooled, photos.size());
        if (extension == ".npy")
            write_npy(network, photos, layers, pooled, shape);
        else
            write_tensors(network, photos, layers, pooled, shape);
        fmt::print("{}: [{}] after layer {} of {}\n", out, fmt::join(shape, ", "),
                   network.graph().layers[static_cast<std::size_t>(layers - 1)].name, network.graph().backbone);
    }

  private:
    static std::vector<std::int64_t> shape_of(const LayerGraph& graph, int layers, std::optional<Pooling> pooled,
                                              std::size_t photos) {
        const Shape& shape = graph.layers[static_cast<std::size_t>(layers - 1)].output;
        const auto count = static_cast<std::int64_t>(photos);
        if (!pooled) return {count, shape.channels, shape.height, shape.width};
        return {count, *pooled == Pooling::flatten ? shape.elements() : shape.channels};
    }

    static std::vector<std::string> names_of(const std::vector<fs::path>& photos) {
        std::vector<std::string> names;
        for (const fs::path& photo : photos) names.push_back(photo.string());
        return names;
    }

    /// Rows without a photo would shift or blur those behind them.
    static void refuse(const std::string& bad) {
        if (!bad.empty()) throw UserError("{}; mend it or leave it out", bad);
    }

    /// Row by row, however many there are; the photos' names, one a line, in OUT.txt.
    void write_npy(const PhotoNetwork& network, const std::vector<fs::path>& photos, int layers,
                   std::optional<Pooling> pooled, const std::vector<std::int64_t>& shape) const {
        AtomicFile file(out);
        file.write(npy_header(shape));
        network.features(photos, layers, pooled,
                         [&](std::size_t, std::span<const float> values, const std::string& bad) {
                             refuse(bad);
                             file.write(values.data(), values.size_bytes());
                         });
        file.commit();
        std::string lines;
        for (const std::string& name : names_of(photos)) lines += escape_line(name) + "\n";
        write_file(out + ".txt", lines);
    }

    void write_tensors(const PhotoNetwork& network, const std::vector<fs::path>& photos, int layers,
                       std::optional<Pooling> pooled, const std::vector<std::int64_t>& shape) const {
        HostTensor features{shape, {}};
        network.features(photos, layers, pooled,
                         [&](std::size_t, std::span<const float> values, const std::string& bad) {
                             refuse(bad);
                             features.values.insert(features.values.end(), values.begin(), values.end());
                         });
        write_safetensors(out, {{"features", std::move(features)}},
                          {{"photos", nlohmann::json(names_of(photos)).dump()},
                           {"backbone", network.graph().backbone},
                           {"until", network.graph().layers[static_cast<std::size_t>(layers - 1)].name}});
    }
};

}  // namespace

void add_predict_command(CLI::App& app, int& exit_code) {
    const auto predict = std::make_shared<Predict>();
    auto* command =
        app.add_subcommand("predict", "Say what photos show: by a run's best trial, or by ImageNet's classes");
    command
        ->add_option("words", predict->words.photos,
                     "RUN (a sweep's name, its run folder, or its results.db), not with --backbone; then photos, and "
                     "folders of photos")
        ->required()
        ->type_name("[RUN] PHOTO");
    command->add_option("--trial", predict->trial, "Of the run: a trial's id, or its beginning (default: the best)");
    command->add_option("--runs", predict->runs, "Where run folders lie")->capture_default_str();
    add_network_options(*command, predict->words);
    command->add_option("--top", predict->top, "So many classes of each photo")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    command->add_flag("--test", predict->test, "The run's own test images, whether they have classes or not");
    auto* csv = command->add_flag("--csv", predict->csv, "Print CSV");
    command->add_flag("--json", predict->json, "Print JSON")->excludes(csv);
    command->footer(
        "Examples:\n  thaw predict quickstart photo.jpg\n  thaw predict quickstart folder/ --csv > classes.csv\n"
        "  thaw predict quickstart --test --csv > predictions.csv\n  thaw predict --backbone mobilenet_v2 photo.jpg\n"
        "Preprocessing and sizes are the run's; options that say otherwise are for --backbone. Where photos lie in\n"
        "folders named like classes, accuracy and confusion matrix follow.\n"
        "Exit codes: 0 all done, 1 some photos could not be read, 2 wrong input");
    command->callback([predict, &exit_code] { exit_code = predict->run(); });
}

void add_features_command(CLI::App& app) {
    const auto features = std::make_shared<Features>();
    auto* command = app.add_subcommand("features", "Write what a network makes of photos at any of its layers");
    add_network_options(*command, features->words);
    command->get_option("--backbone")->required();
    command->add_option("photos", features->words.photos, "Photos, and folders of photos")
        ->required()
        ->type_name("PHOTO");
    command->add_option("--until", features->until, "The last layer: all, a layer or block, a number or 80%")
        ->capture_default_str();
    command->add_option("--pooling", features->pooling, "avg, max, flatten, or none: the map itself")
        ->capture_default_str();
    command
        ->add_option("--out,-o", features->out,
                     "OUT.npy (the photos' names in OUT.npy.txt, one a line; line ends in them as \\n, backslashes as "
                     "\\\\) or OUT.safetensors")
        ->required();
    command->footer("Example: thaw features --backbone mobilenet_v2 --until features.14 photos/ -o features.npy");
    command->callback([features] { features->run(); });
}

}  // namespace thaw
