#include "worker/measure.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "common/backbones/backbones.hpp"
#include "common/util/error.hpp"
#include "common/util/log.hpp"
#include "worker/cache/array_file.hpp"
#include "worker/cache/image_cache.hpp"
#include "worker/data/decode.hpp"
#include "worker/heads/head_model.hpp"
#include "worker/network/frozen_network.hpp"
#include "worker/network/random_tensors.hpp"
#include "worker/torch/tail_model.hpp"
#include "worker/torch/threads.hpp"

namespace thaw {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_of(const std::function<void()>& work) {
    const auto start = Clock::now();
    work();
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The median seconds of `work`: once to warm up, then at least `repetitions` times and for a tenth of a second.
double usual_seconds(int repetitions, const std::function<void()>& work) {
    constexpr double kLongEnough = 0.1;
    work();
    std::vector<double> each;
    double sum = 0;
    while (static_cast<int>(each.size()) < repetitions || sum < kLongEnough) {
        each.push_back(seconds_of(work));
        sum += each.back();
    }
    std::nth_element(each.begin(), each.begin() + static_cast<std::ptrdiff_t>(each.size() / 2), each.end());
    return each[each.size() / 2];
}

/// The mean of what `measure(thread)` gives on every thread, all at once.
Measured on_all(int threads, const std::function<Measured(int thread)>& measure) {
    std::vector<Measured> results(static_cast<std::size_t>(threads));
    std::vector<std::exception_ptr> errors(results.size());
    {
        std::vector<std::jthread> running;
        for (std::size_t t = 0; t < results.size(); ++t)
            running.emplace_back([&, t] {
                try {
                    compute_on_one_thread();
                    results[t] = measure(static_cast<int>(t));
                } catch (...) {
                    errors[t] = std::current_exception();
                }
            });
    }
    for (const std::exception_ptr& error : errors)
        if (error) std::rethrow_exception(error);
    Measured mean;
    for (const Measured& result : results) {
        mean.seconds += result.seconds / threads;
        mean.evaluation += result.evaluation / threads;
        mean.setup += result.setup / threads;
    }
    return mean;
}

/// Values such as features have: not negative, of all sizes, and not denormal.
std::vector<float> made_up_values(std::size_t count) {
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i * 7919 % 1000) * 1e-3F;
    return values;
}

struct ProbeBatch {
    std::vector<int> rows, labels;
    ProbeBatch(int size, int first, int of, int classes) {
        for (int i = 0; i < size; ++i) {
            rows.push_back((first + i) % of);
            labels.push_back(i % classes);
        }
    }
};

class Measuring {
  public:
    Measuring(const Inputs& inputs, int threads, const std::filesystem::path& cache)
        : inputs_(inputs), threads_(threads), cache_(cache) {}

    Measured measure(const Probe& probe) {
        switch (probe.kind) {
            case Probe::Kind::decode:
                return decode(probe);
            case Probe::Kind::forward:
                return forward(probe);
            case Probe::Kind::tail:
                return tail(probe);
            case Probe::Kind::head:
                return head(probe);
            case Probe::Kind::disk:
                return disk();
        }
        THAW_CHECK(false, "probe kind {}", static_cast<int>(probe.kind));
    }

  private:
    /// A spread of the data set's own images: how long they take depends on their format and size.
    Measured decode(const Probe& probe) {
        constexpr std::size_t kImagesPerThread = 24;
        const Dataset dataset = read_dataset(inputs_.dataset);
        DecodeOptions options = inputs_.decode;
        options.image_size = probe.image_size;
        const std::size_t wanted = kImagesPerThread * static_cast<std::size_t>(threads_);
        const std::size_t count = std::min(wanted, dataset.images.size());
        return on_all(threads_, [&](int thread) {
            std::vector<std::uint8_t> pixels(decoded_row_bytes(options));
            Measured sum;
            int decoded = 0;
            for (std::size_t i = static_cast<std::size_t>(thread); i < count; i += static_cast<std::size_t>(threads_)) {
                const ImageFile& image = dataset.images[i * dataset.images.size() / count];
                try {
                    sum.seconds +=
                        seconds_of([&] { decode_image(dataset.folder / image.path, options, pixels.data()); });
                    ++decoded;
                } catch (const StageError&) {  // the sweep will say so
                }
            }
            return Measured{sum.seconds / std::max(decoded, 1), 0, 0};
        });
    }

    Measured forward(const Probe& probe) {
        const LayerGraph graph = build_backbone(probe.backbone, probe.image_size, parse_padding_style(probe.padding));
        TensorMap tensors;
        std::unique_ptr<FrozenNetwork> network;
        const Tap tap{probe.cut, true, Pooling::average};
        const double setup = seconds_of([&] {
            tensors = random_tensors(graph, 1);  // about what reading them takes
            network = make_frozen_network(graph, tensors, find_preprocessing("torch"), {tap}, probe.precision);
        });
        Measured image = on_all(threads_, [&](int) {
            const std::size_t bytes =
                decoded_row_bytes({.image_size = probe.image_size}) * static_cast<std::size_t>(network->batch());
            const std::vector<std::uint8_t> images(bytes, 100);
            std::vector<float> features(static_cast<std::size_t>(tap_elements(graph, tap)) *
                                        static_cast<std::size_t>(network->batch()));
            const double batch =
                usual_seconds(4, [&] { network->run(images.data(), network->batch(), {features.data()}); });
            return Measured{batch / network->batch(), 0, 0};
        });
        image.setup = setup;
        return image;
    }

    Measured head(const Probe& probe) {
        constexpr int kRows = 512;
        const std::vector<float> features = made_up_values(std::size_t{kRows} * static_cast<std::size_t>(probe.inputs));
        return on_all(threads_, [&](int) {
            std::unique_ptr<HeadModel<float>> model;
            const double setup = seconds_of([&] {
                model = std::make_unique<HeadModel<float>>(
                    trial_of(probe), Rows<float>{features.data(), probe.inputs, nullptr}, probe.classes);
            });
            return with_setup(*model, probe, kRows, 16, setup);
        });
    }

    Measured tail(const Probe& probe) {
        const LayerGraph graph = graph_of_trial(trial_of(probe), parse_padding_style(probe.padding));
        const TensorMap tensors = random_tensors(graph, 1);
        const int rows = std::max(probe.batch_size, kEvaluationBatch);
        const bool from_images = probe.cut <= 1;
        const std::int64_t elements = from_images
                                          ? std::int64_t{3} * probe.image_size * probe.image_size
                                          : graph.layers[static_cast<std::size_t>(probe.cut - 1)].output.elements();
        std::vector<float> features;
        std::vector<std::uint8_t> images;
        TailInput input;
        if (from_images) {
            images.assign(static_cast<std::size_t>(rows * elements), 100);
            input.images = {images.data(), elements, nullptr};
        } else {
            features = made_up_values(static_cast<std::size_t>(rows * elements));
            input.features = {features.data(), elements, nullptr};
        }
        return on_all(threads_, [&](int) {
            std::unique_ptr<Model> model;
            const double setup = seconds_of([&] {
                model =
                    make_tail_model(trial_of(probe), graph, tensors, find_preprocessing("torch"), input, probe.classes);
            });
            return with_setup(*model, probe, rows, 2, setup);
        });
    }

    /// Synced, as an array file is; then read back as a training reads it.
    Measured disk() {
        constexpr std::int64_t kBytes = 16 << 20;
        const std::filesystem::path file = cache_ / "speed.array";
        const double written = seconds_of([&] {
            ArrayFileWriter writer(file, 1, kBytes / 4, 4);
            std::fill_n(static_cast<float*>(writer.row(0)), kBytes / 4, 1.0F);
            writer.commit();
        });
        const double read = seconds_of([&] { THAW_CHECK(ArrayFile(file).verify(), "{} is damaged", file.string()); });
        std::filesystem::remove(file);
        return {written / kBytes, read / kBytes, 0};
    }

    static Trial trial_of(const Probe& probe) {
        Trial trial;
        trial.backbone = probe.backbone;
        trial.image_size = probe.image_size;
        trial.cut = probe.cut;
        trial.frozen_layers = probe.frozen_layers;
        trial.base_layers = probe.base_layers;
        trial.head = probe.head;
        trial.dropout.assign(probe.head.widths.size(), 0.2);
        trial.optimizer.kind = probe.optimizer;
        trial.learning_rate = 1e-6;  // stays finite for as many steps as there are
        trial.batch_size = probe.batch_size;
        return trial;
    }

    static Measured with_setup(Model& model, const Probe& probe, int rows, int repetitions, double setup) {
        int first = 0, epoch = 0;
        const double step = usual_seconds(repetitions, [&] {
            const ProbeBatch batch(probe.batch_size, first += probe.batch_size, rows, probe.classes);
            model.train_batch(batch.rows, batch.labels, ++epoch);
        });
        const ProbeBatch batch(kEvaluationBatch, 0, rows, probe.classes);
        const double evaluation = usual_seconds(repetitions, [&] { model.evaluate(batch.rows, batch.labels); });
        return {step, evaluation / kEvaluationBatch, setup};
    }

    const Inputs& inputs_;
    int threads_;
    std::filesystem::path cache_;
};

}  // namespace

void measure_speeds(const std::vector<Probe>& probes, const Inputs& inputs, int threads,
                    const std::filesystem::path& cache, const std::atomic<bool>& stop, Speeds& speeds) {
    Measuring measuring(inputs, threads, cache);
    for (const Probe& probe : probes) {
        if (stop) return;
        try {
            speeds.put(probe, measuring.measure(probe));
        } catch (const std::exception& error) {
            log_warning(fmt::format("the speed of '{}' cannot be measured: {}", probe.key(), error.what()));
        }
    }
}

}  // namespace thaw
