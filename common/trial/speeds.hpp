// How fast a machine does what stages consist of: what is to be measured, and what came out, kept from run to run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "common/trial/trial.hpp"

namespace thaw {

/// One short measurement. All of a rank's threads do the same meanwhile, as they do in a sweep.
struct Probe {
    enum class Kind {
        decode,   // one image of the data set, to image_size
        forward,  // one image through the frozen layers up to `cut`
        tail,  // one optimizer step of `batch_size` images from `cut`, the layers up to frozen_layers kept as they are
        head,  // one optimizer step of `batch_size` images, of a head on `inputs` values
        disk,  // one byte into the cache, synced; then read back
    } kind = Kind::disk;
    int image_size = 0;
    std::string content;   // decode: what identifies the images and how they are resized
    std::string backbone;  // forward, tail
    std::string padding;
    Precision precision = Precision::float32;  // forward
    int cut = 0, frozen_layers = 0;
    int base_layers = 0;  // tail: as Trial's
    Head head;            // head; of a tail only the pooling
    int inputs = 0;       // head: length of the feature vector
    int classes = 0;
    int batch_size = 0;
    OptimizerKind optimizer = OptimizerKind::adam;

    /// What the result is kept under.
    std::string key() const;
};

struct Measured {
    double seconds = 0;     // of one image, step or byte, on one thread
    double evaluation = 0;  // tail, head: of one image of the validation set; disk: of one byte read back
    double setup = 0;       // once a stage, or once a trajectory for tail and head
};

/// Results by Probe::key, as a JSON file; another machine (processor, cores, build) has another file.
class Speeds {
  public:
    std::optional<Measured> find(const Probe& probe) const;
    void put(const Probe& probe, const Measured& measured) { results_[probe.key()] = measured; }
    std::size_t size() const { return results_.size(); }

    /// What is there, nothing where there is no readable file.
    static Speeds read(const std::filesystem::path& file);
    void write(const std::filesystem::path& file) const;

  private:
    std::map<std::string, Measured> results_;
};

/// Where this machine's results are kept, for ranks of so many threads: $THAW_SPEEDS, or a file in ~/.cache/thaw named
/// by the processor, the number of threads and the device, if not the CPU.
std::filesystem::path speeds_file(int threads, const std::string& device = "");

}  // namespace thaw
