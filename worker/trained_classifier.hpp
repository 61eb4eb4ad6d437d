// A trained trial that says what photos show: decoded, preprocessed and computed as in its training.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include "worker/network/checkpoint.hpp"
#include "worker/torch/photo_batches.hpp"

namespace thaw {

class TrainedClassifier {
  public:
    /// What a photo is taken for has the same bits whoever asks, and on however many threads: the frozen layers and
    /// the model that were trained do the work.
    TrainedClassifier(Checkpoint checkpoint, int threads);
    ~TrainedClassifier();

    const Checkpoint& checkpoint() const { return checkpoint_; }
    /// Keeps the probabilities of the checkpoint's classes.
    void classify(const std::vector<std::filesystem::path>& photos, const KeepPhoto& keep);

  private:
    struct Bench;  // what one thread works with
    std::unique_ptr<Bench> take_bench();
    void run(const std::uint8_t* images, int count, float* probabilities);

    Checkpoint checkpoint_;
    int threads_;
    std::unique_ptr<class FrozenNetwork> network_;  // none where nothing is frozen
    std::size_t elements_ = 0;                      // of what it gives for one image
    int batch_ = 1;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Bench>> benches_;  // those that are free
};

}  // namespace thaw
