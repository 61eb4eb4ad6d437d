// The Communicator over NCCL: sums among GPUs on a stream of their own.
#include <cuda_runtime.h>
#include <nccl.h>

#include <new>
#include <thread>

#include "common/util/error.hpp"
#include "worker/communicator/bf16_bucket.hpp"
#include "worker/communicator/communicator.hpp"

namespace thaw {
namespace {

void check(cudaError_t result, const char* call) {
    if (result != cudaSuccess) throw StageError("CUDA: {}: {}", call, cudaGetErrorString(result));
}

void check(ncclResult_t result, const char* call) {
    if (result != ncclSuccess && result != ncclInProgress)
        throw StageError("NCCL: {}: {}", call, ncclGetErrorString(result));
}

/// Memory on the GPU that grows and is kept.
class Bucket {
  public:
    ~Bucket() { cudaFree(memory_); }
    void* of(std::size_t bytes) {
        if (bytes > bytes_) {
            cudaFree(memory_);
            memory_ = nullptr, bytes_ = 0;
            if (cudaMalloc(&memory_, bytes) != cudaSuccess) throw std::bad_alloc();
            bytes_ = bytes;
        }
        return memory_;
    }

  private:
    void* memory_ = nullptr;
    std::size_t bytes_ = 0;
};

bool on_the_gpu(const void* memory) {
    cudaPointerAttributes attributes{};
    check(cudaPointerGetAttributes(&attributes, memory), "cudaPointerGetAttributes");
    return attributes.type == cudaMemoryTypeDevice || attributes.type == cudaMemoryTypeManaged;
}

/// Before NCCL begins anything, all members have met in `control`: it says who is missing or cannot go on, while the
/// communicator is still whole. What NCCL itself does not finish in time it never will: its communicator is aborted.
class NcclCommunicator : public Communicator {
  public:
    NcclCommunicator(std::unique_ptr<Communicator> control, const NcclOptions& options)
        : control_(std::move(control)), options_(options) {}

    /// Collective.
    void connect() {
        ncclUniqueId id{};
        agree([&] {
            check(cudaSetDevice(options_.device), "cudaSetDevice");
            check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
            check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "cudaEventCreateWithFlags");
            if (rank() == 0) check(ncclGetUniqueId(&id), "ncclGetUniqueId");
        });
        control_->broadcast(std::as_writable_bytes(std::span(&id, 1)), 0);
        agree([&] {
            ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
            config.blocking = 0;
            check(ncclCommInitRankConfig(&nccl_, size(), id, rank(), &config), "ncclCommInitRankConfig");
            wait([&] { return !in_progress(); });
        });
        connected_ = true;
    }

    ~NcclCommunicator() override {
        try {
            if (nccl_ && connected_) {
                check(ncclCommFinalize(nccl_), "ncclCommFinalize");
                wait([&] { return !in_progress(); });
                ncclCommDestroy(nccl_);
                nccl_ = nullptr;
            }
        } catch (const StageError&) {  // the others have gone: what is left of it goes below
        }
        if (nccl_) ncclCommAbort(nccl_);
        if (event_) cudaEventDestroy(event_);
        if (stream_) cudaStreamDestroy(stream_);
    }

    int rank() const override { return control_->rank(); }
    int size() const override { return control_->size(); }
    void all_reduce_sum(std::span<float> values) override {
        if (options_.bucket == Precision::bfloat16)
            sum_as_bf16(values);
        else
            sum(values, ncclFloat32);
    }
    void all_reduce_sum(std::span<double> values) override { sum(values, ncclFloat64); }

    // The rest is the host's data.
    void all_gather(std::span<std::byte> bytes, std::span<const std::size_t> begins) override {
        control_->all_gather(bytes, begins);
    }
    void gather(std::span<std::byte> bytes, std::span<const std::size_t> begins) override {
        control_->gather(bytes, begins);
    }
    void broadcast(std::span<std::byte> bytes, int root) override { control_->broadcast(bytes, root); }
    void barrier() override { control_->barrier(); }
    void fail(const std::string& message) override { control_->fail(message); }

  private:
    /// Does `own` on all members, or, where one of them throws, on none to the end: they all throw.
    template <typename Own>
    void agree(const Own& own) {
        try {
            own();
        } catch (const StageError& error) {
            control_->fail(error.what());
            throw AgreedFailure("{}", error.what());
        }
        control_->barrier();
    }

    template <typename Scalar>
    void sum(std::span<Scalar> values, ncclDataType_t type) {
        const bool here = begin(values.data(), [&] { staged_.of(values.size_bytes()); });
        if (values.empty()) return;
        void* at = here ? values.data() : staged_.of(values.size_bytes());
        if (!here) copy(at, values.data(), values.size_bytes());
        all_reduce(at, values.size(), type);
        if (!here) copy(values.data(), at, values.size_bytes());
        finish();
    }

    void sum_as_bf16(std::span<float> values) {
        const bool here = begin(values.data(), [&] {
            rounded_.of(values.size() * 2);
            staged_.of(values.size_bytes());
        });
        if (values.empty()) return;
        float* at = here ? values.data() : static_cast<float*>(staged_.of(values.size_bytes()));
        void* bucket = rounded_.of(values.size() * 2);
        if (!here) copy(at, values.data(), values.size_bytes());
        pack_bf16(at, bucket, values.size(), stream_);
        all_reduce(bucket, values.size(), ncclBfloat16);
        unpack_bf16(bucket, at, values.size(), stream_);
        if (!here) copy(values.data(), at, values.size_bytes());
        finish();
    }

    /// Takes the memory, so that its lack is known before the members meet; meets them; lets the stream wait for what
    /// the default stream, which computes the values, has been given so far. True where `memory` is the GPU's.
    template <typename Reserve>
    bool begin(const void* memory, const Reserve& reserve) {
        THAW_CHECK(nccl_, "a collective over an aborted NCCL communicator");
        bool here = false;
        agree([&] {
            check(cudaSetDevice(options_.device), "cudaSetDevice");  // of this thread: a Group has one of its own
            reserve();
            here = memory != nullptr && on_the_gpu(memory);
        });
        check(cudaEventRecord(event_, cudaStreamLegacy), "cudaEventRecord");
        check(cudaStreamWaitEvent(stream_, event_, 0), "cudaStreamWaitEvent");
        return here;
    }

    void copy(void* to, const void* from, std::size_t bytes) {
        check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream_), "cudaMemcpyAsync");
    }

    void all_reduce(void* values, std::size_t count, ncclDataType_t type) {
        check(ncclAllReduce(values, values, count, type, ncclSum, nccl_, stream_), "ncclAllReduce");
        wait([&] { return !in_progress(); });
    }

    void finish() {
        check(cudaEventRecord(event_, stream_), "cudaEventRecord");
        wait([&] {
            const cudaError_t result = cudaEventQuery(event_);
            if (result != cudaErrorNotReady) check(result, "the sum");
            in_progress();
            return result == cudaSuccess;
        });
    }

    /// Throws what went wrong beside the calls, on other members' machines and in the network.
    bool in_progress() {
        ncclResult_t state = ncclSuccess;
        check(ncclCommGetAsyncError(nccl_, &state), "ncclCommGetAsyncError");
        check(state, "the communicator");
        return state == ncclInProgress;
    }

    /// Polls: at first as fast as it can, since sums take microseconds, then with pauses.
    template <typename Done>
    void wait(const Done& done) {
        using Clock = std::chrono::steady_clock;
        const auto start = Clock::now();
        try {
            while (!done()) {
                const auto waited = Clock::now() - start;
                if (waited > options_.limit)
                    throw StageError("NCCL: rank {} of {} waited {:g} s for the others", rank(), size(),
                                     std::chrono::duration<double>(options_.limit).count());
                if (waited < std::chrono::milliseconds(5))
                    std::this_thread::yield();
                else
                    std::this_thread::sleep_for(std::chrono::microseconds(100));
            }
        } catch (const StageError&) {
            if (nccl_) ncclCommAbort(nccl_);
            nccl_ = nullptr;
            throw;
        }
    }

    std::unique_ptr<Communicator> control_;
    NcclOptions options_;
    ncclComm_t nccl_ = nullptr;
    cudaStream_t stream_ = nullptr;
    cudaEvent_t event_ = nullptr;
    bool connected_ = false;
    Bucket staged_, rounded_;
};

}  // namespace

std::string why_no_nccl() {
    int devices = 0;
    const cudaError_t result = cudaGetDeviceCount(&devices);
    if (result != cudaSuccess) return fmt::format("no GPU: {}", cudaGetErrorString(result));
    return devices > 0 ? "" : "no GPU";
}

std::unique_ptr<Communicator> make_nccl_communicator(std::unique_ptr<Communicator> control,
                                                     const NcclOptions& options) {
    auto communicator = std::make_unique<NcclCommunicator>(std::move(control), options);
    communicator->connect();
    return communicator;
}

}  // namespace thaw
