# LibTorch's headers cost seconds a file: only files of targets made with this see them, through one precompiled header.
add_library(thaw_libtorch INTERFACE)
target_link_libraries(thaw_libtorch INTERFACE "${TORCH_LIBRARIES}")
target_include_directories(thaw_libtorch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
separate_arguments(torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
target_compile_options(thaw_libtorch INTERFACE ${torch_flags})
# PyTorch's own LibTorch brings headers of a newer fmt, which files that see LibTorch then use: without its library.
if(EXISTS "${TORCH_INSTALL_PREFIX}/include/fmt/format.h" AND NOT TORCH_INSTALL_PREFIX STREQUAL "/usr")
  target_compile_definitions(thaw_libtorch INTERFACE FMT_HEADER_ONLY=1)
endif()
# ... and, out of a wheel, finds CUDA's libraries (NCCL among them) in the wheels beside it.
file(GLOB wheel_libraries "${TORCH_INSTALL_PREFIX}/../nvidia/*/lib")
foreach(folder ${wheel_libraries})
  target_link_options(thaw_libtorch INTERFACE "-Wl,-rpath,${folder}")
endforeach()
# What LibTorch's CUDA libraries need themselves may stand on the machine that runs thaw, and not where it is linked.
if(TORCH_CUDA_LIBRARIES)
  target_link_options(thaw_libtorch INTERFACE "-Wl,--allow-shlib-undefined")
endif()
