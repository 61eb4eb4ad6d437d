# The readers of weight files under libFuzzer, and nothing else: `cmake --preset fuzz`, then tests/fuzz/run_fuzz.
if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
  message(FATAL_ERROR "libFuzzer is Clang's: cmake --preset fuzz")
endif()
add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
add_link_options(-fsanitize=address,undefined)

add_subdirectory(common)
add_subdirectory(worker/weights)

foreach(reader torch_zip torch_stream safetensors hdf5 keras_zip)
  add_executable(fuzz_${reader} tests/fuzz/reader_fuzz.cpp)
  # The readers' functions that this one does not fuzz stay unused.
  target_compile_options(fuzz_${reader} PRIVATE -Wall -Wextra -Wshadow -Wno-unused-function)
  target_compile_definitions(fuzz_${reader} PRIVATE THAW_READER=${reader})
  target_link_options(fuzz_${reader} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(fuzz_${reader} PRIVATE thaw_weights)
endforeach()
