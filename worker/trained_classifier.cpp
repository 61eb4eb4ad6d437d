#include "worker/trained_classifier.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "worker/cache/image_cache.hpp"
#include "worker/data/decode.hpp"
#include "worker/heads/head_model.hpp"
#include "worker/network/frozen_network.hpp"
#include "worker/torch/tail_model.hpp"

namespace thaw {
namespace {

void softmax(const double* logits, std::size_t classes, float* probabilities) {
    const double largest = *std::max_element(logits, logits + classes);
    double sum = 0;
    for (std::size_t c = 0; c < classes; ++c) sum += std::exp(logits[c] - largest);
    for (std::size_t c = 0; c < classes; ++c)
        probabilities[c] = static_cast<float>(std::exp(logits[c] - largest) / sum);
}

bool is_head_alone(const Checkpoint& checkpoint) {
    return checkpoint.trial.cut == checkpoint.graph.top_begin;
}

}  // namespace

struct TrainedClassifier::Bench {
    std::vector<float> features;       // [batch, elements]
    std::vector<std::uint8_t> pixels;  // [batch, s, s, 3], where nothing is frozen
    std::unique_ptr<Model> model;      // reads them as rows 0, 1, ...
};

TrainedClassifier::TrainedClassifier(Checkpoint checkpoint, int threads)
    : checkpoint_(std::move(checkpoint)), threads_(threads) {
    const Trial& trial = checkpoint_.trial;
    if (trial.cut == 0) {
        batch_ = kEvaluationBatch;
        return;
    }
    const Tap tap{trial.cut, is_head_alone(checkpoint_), trial.head.pooling};
    network_ =
        make_frozen_network(checkpoint_.graph, checkpoint_.base, checkpoint_.preprocessing, {tap}, trial.precision);
    elements_ = static_cast<std::size_t>(tap_elements(checkpoint_.graph, tap));
    batch_ = network_->batch();
}

TrainedClassifier::~TrainedClassifier() = default;

std::unique_ptr<TrainedClassifier::Bench> TrainedClassifier::take_bench() {
    {
        const std::lock_guard lock(mutex_);
        if (!benches_.empty()) {
            auto bench = std::move(benches_.back());
            benches_.pop_back();
            return bench;
        }
    }
    auto bench = std::make_unique<Bench>();
    const auto rows = static_cast<std::size_t>(batch_), elements = elements_;
    const std::size_t pixels = decoded_row_bytes(checkpoint_.decode);
    Rows<float> features;
    Rows<std::uint8_t> images;
    if (network_) {
        bench->features.resize(rows * elements);
        features = {bench->features.data(), static_cast<std::int64_t>(elements), nullptr};
    } else {
        bench->pixels.resize(rows * pixels);
        images = {bench->pixels.data(), static_cast<std::int64_t>(pixels), nullptr};
    }
    const int classes = static_cast<int>(checkpoint_.classes.size());
    if (is_head_alone(checkpoint_))
        bench->model = std::make_unique<HeadModel<float>>(checkpoint_.trial, features, classes);
    else
        bench->model = make_tail_model(checkpoint_.trial, checkpoint_.graph, checkpoint_.base,
                                       checkpoint_.preprocessing, {features, images}, classes);
    bench->model->load(checkpoint_.trained);
    return bench;
}

void TrainedClassifier::run(const std::uint8_t* images, int count, float* probabilities) {
    std::unique_ptr<Bench> bench = take_bench();
    if (network_)
        network_->run(images, count, {bench->features.data()});
    else
        std::copy_n(images, static_cast<std::size_t>(count) * decoded_row_bytes(checkpoint_.decode),
                    bench->pixels.data());
    std::vector<int> rows(static_cast<std::size_t>(count));
    std::iota(rows.begin(), rows.end(), 0);
    const std::vector<double> logits = bench->model->logits(rows);
    const std::size_t classes = checkpoint_.classes.size();
    for (std::size_t i = 0; i < rows.size(); ++i)
        softmax(logits.data() + i * classes, classes, probabilities + i * classes);
    const std::lock_guard lock(mutex_);
    benches_.push_back(std::move(bench));
}

void TrainedClassifier::classify(const std::vector<std::filesystem::path>& photos, const KeepPhoto& keep) {
    PhotoBatches batches;
    batches.image_size = checkpoint_.trial.image_size;
    batches.batch = batch_;
    batches.elements = checkpoint_.classes.size();
    batches.threads = threads_;
    batches.decode = [&](const std::filesystem::path& photo, std::uint8_t* pixels) {
        decode_image(photo, checkpoint_.decode, pixels);
    };
    batches.run = [&](const std::uint8_t* images, int count, float* out) { run(images, count, out); };
    run_photos(photos, batches, keep);
}

}  // namespace thaw
