# The rooms worker/network and worker/train with what they need of the others: for GPU benchmarks on a machine that has
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

thaw_room(common
  SOURCES common/atomic_file.cpp common/epoch_metrics.cpp common/error.cpp common/fingerprint.cpp common/nearest.cpp common/precision.cpp
          common/random.cpp common/trial.cpp
  LINK thaw_headers Threads::Threads)
add_library(thaw_weights INTERFACE)  # its types alone
add_subdirectory(common/backbones)
include(worker/torch.cmake)
add_subdirectory(worker/communicator)
add_subdirectory(worker/network)
add_subdirectory(worker/train)

add_executable(gpu_training_bench tests/bench/gpu_training.cpp)
target_link_libraries(gpu_training_bench PRIVATE thaw_tails)
