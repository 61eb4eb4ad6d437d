# The rooms worker/heads, worker/network and worker/torch with what they need of the others: for GPU benchmarks on a machine that has
# CUDA, PyTorch and little else. fmt is the one in LibTorch; nlohmann/json.hpp and xxhash.h, two headers, may be carried
# there in a folder that THAW_HEADERS names.
find_package(Threads REQUIRED)
find_package(Torch REQUIRED)
find_path(JSON_INCLUDE nlohmann/json.hpp HINTS "$ENV{THAW_HEADERS}" REQUIRED)
find_path(XXHASH_INCLUDE xxhash.h HINTS "$ENV{THAW_HEADERS}" REQUIRED)
add_library(thaw_headers INTERFACE)
target_include_directories(thaw_headers SYSTEM INTERFACE "${JSON_INCLUDE}" "${XXHASH_INCLUDE}")
target_compile_definitions(thaw_headers INTERFACE XXH_INLINE_ALL FMT_HEADER_ONLY=1)
if(EXISTS "${TORCH_INSTALL_PREFIX}/include/fmt/format.h")
  target_include_directories(thaw_headers SYSTEM INTERFACE "${TORCH_INSTALL_PREFIX}/include")
endif()

thaw_room(util
  SOURCES common/util/atomic_file.cpp common/util/error.cpp common/util/fingerprint.cpp common/util/in_flight.cpp
          common/util/names.cpp common/util/nearest.cpp common/util/random.cpp
  LINK thaw_headers Threads::Threads)
thaw_room(trial
  SOURCES common/trial/augment.cpp common/trial/epoch_metrics.cpp common/trial/epoch_rules.cpp common/trial/precision.cpp
          common/trial/training_control.cpp common/trial/trial.cpp
  LINK thaw_util)
add_library(thaw_weights INTERFACE)  # its types alone
add_library(thaw_data INTERFACE)
add_subdirectory(common/backbones)
include(worker/libtorch.cmake)
add_subdirectory(worker/communicator)
add_subdirectory(worker/heads)
add_subdirectory(worker/network)
add_subdirectory(worker/torch)

add_executable(gpu_training_bench tests/bench/gpu_training.cpp)
target_link_libraries(gpu_training_bench PRIVATE thaw_torch)
