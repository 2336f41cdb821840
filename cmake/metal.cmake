# llama.cpp on Apple GPUs, on a Mac (xcode-select --install):
#   CMAKE_ARGS="-C $PWD/cmake/metal.cmake" pip install --no-cache-dir llama-cpp-python==0.3.36
include("${CMAKE_CURRENT_LIST_DIR}/cpu.cmake")  # what does not run on the GPU runs on the processor
set(EDGE_LAM_BACKEND "metal" CACHE STRING "" FORCE)

set(GGML_METAL ON CACHE BOOL "")

# The shaders' source inside the library: nothing to find at run time, and no full Xcode needed to compile them.
set(GGML_METAL_EMBED_LIBRARY ON CACHE BOOL "")

# Accelerate's matrix unit for large batches on the processor; part of every Mac.
set(GGML_ACCELERATE ON CACHE BOOL "")
set(GGML_BLAS ON CACHE BOOL "")
set(GGML_BLAS_VENDOR "Apple" CACHE STRING "")
