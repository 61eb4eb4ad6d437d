#include "cli/backbones_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>

#include "cli/table_option.hpp"
#include "common/backbones/backbones.hpp"
#include "common/trial/speeds.hpp"
#include "worker/measure.hpp"
#include "worker/torch/device.hpp"
#include "worker/torch/threads.hpp"

namespace thaw {
namespace {

/// A forward pass through the base, on one thread: what sweeps measure too, and kept in the same place.
Probe probe_of(const LayerGraph& graph) {
    Probe probe;
    probe.kind = Probe::Kind::forward;
    probe.backbone = graph.backbone;
    probe.image_size = graph.image_size;
    probe.padding = to_string(graph.padding_style);
    probe.cut = graph.top_begin;
    return probe;
}

struct Backbones {
    std::string name, freeze, sort, device = "cpu";
    TableFormat format = TableFormat::text;
    int image_size = 0;
    bool measure = false, reverse = false;

    void run() const {
        prepare_process();
        choose_device(device);
        std::vector<LayerGraph> wanted;
        for (const BackboneInfo& info : backbones())
            if (name.empty() ? measure : info.name == name) wanted.push_back(graph_of(info));
        if (wanted.empty() && !name.empty()) find_backbone(name);  // says that there is none
        if (measure) measure_all(wanted);
        if (name.empty())
            print_table();
        else
            fmt::print("{}{}", backbone_summary(wanted[0], freeze), time_text(wanted[0]));
    }

  private:
    LayerGraph graph_of(const BackboneInfo& info) const {
        return build_backbone(info.name, image_size ? image_size : info.default_image_size, PaddingStyle::symmetric);
    }

    static std::filesystem::path file_of(bool gpu) { return speeds_file(1, gpu ? "gpu" : ""); }

    static void measure_all(const std::vector<LayerGraph>& graphs) {
        const std::atomic<bool> never = false;
        for (const LayerGraph& graph : graphs) {
            fmt::print(stderr, "measuring {} ...\n", graph.backbone);
            const std::filesystem::path file = file_of(on_gpu());
            Speeds speeds = Speeds::read(file);
            measure_speeds({probe_of(graph)}, {}, 1, {}, never, speeds);
            speeds.write(file);  // after each: who interrupts keeps what there is
        }
    }

    static StepTimes::Milliseconds times(bool gpu) {
        return [speeds = Speeds::read(file_of(gpu))](const LayerGraph& graph) -> std::optional<double> {
            const auto found = speeds.find(probe_of(graph));
            return found ? std::optional(1e3 * found->seconds) : std::nullopt;
        };
    }

    void print_table() const {
        Table table = backbones_table({times(false), times(true)});
        if (!sort.empty()) sort_rows(table, sort, reverse);
        fmt::print("{}", to_string(table, format));
        if (format == TableFormat::text)
            fmt::print(
                "\nlayers and cuts are those of the base, without the ImageNet classifier: what `freeze:` counts. ms: "
                "an "
                "image through the base on one core or GPU, from `thaw backbones --measure`.\n");
    }

    static std::string time_text(const LayerGraph& graph) {
        std::string text;
        for (const bool gpu : {false, true})
            if (const auto time = times(gpu)(graph))
                text += fmt::format("\nmeasured here: {:.3g} ms an image through the base on {}\n", *time,
                                    gpu ? "the GPU" : "one core");
        return text;
    }
};

}  // namespace

void add_backbones_command(CLI::App& app) {
    const auto backbones = std::make_shared<Backbones>();
    auto* command = app.add_subcommand("backbones", "List the backbones, or summarise one");
    command->add_option("name", backbones->name, "A backbone; without: the table of all")->type_name("NAME");
    command->add_option("--freeze", backbones->freeze, "Mark what this freezes: all, 50, 80%, a layer or block");
    command->add_option("--image-size", backbones->image_size, "Pixels (default: the backbone's own)");
    command->add_flag("--measure", backbones->measure, "First measure how long an image takes here, minutes for all");
    command->add_option("--device", backbones->device, "Measure on: auto, cpu or cuda")->capture_default_str();
    command->add_option("--sort", backbones->sort, "Sort the table by this column, such as parameters or top-1");
    command->add_flag("--reverse", backbones->reverse, "Largest first");
    add_format_options(*command, backbones->format);
    command->footer(
        "Examples:\n  thaw backbones --sort top-1 --reverse\n  thaw backbones mobilenet_v2 --freeze features.14");
    command->callback([backbones] { backbones->run(); });
}

}  // namespace thaw
