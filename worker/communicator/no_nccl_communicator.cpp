// In the place of nccl_communicator.cpp where the build knows no CUDA or no NCCL.
#include "common/util/error.hpp"
#include "worker/communicator/communicator.hpp"

namespace thaw {

std::string why_no_nccl() {
    return "this thaw was built without CUDA and NCCL";
}

std::unique_ptr<Communicator> make_nccl_communicator(std::unique_ptr<Communicator>, const NcclOptions&) {
    throw UserError("{}; build it with `cmake --preset cuda`", why_no_nccl());
}

}  // namespace thaw
