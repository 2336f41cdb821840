# llama.cpp on NVIDIA GPUs, compiled for the GPUs of the machine that builds it. Needs the CUDA toolkit (nvcc, cuBLAS):
#   CMAKE_ARGS="-C $PWD/cmake/cuda.cmake" pip install --no-cache-dir llama-cpp-python==0.3.36
# For a GPU that is not in this machine add its architecture, here a Jetson Orin's: -DCMAKE_CUDA_ARCHITECTURES=87-real
include("${CMAKE_CURRENT_LIST_DIR}/cpu.cmake")  # layers that don't fit the GPU run on the processor
set(EDGE_LAM_BACKEND "cuda" CACHE STRING "" FORCE)

set(GGML_CUDA ON CACHE BOOL "")

# Most of the build time is one compilation of about a hundred CUDA files per architecture. With GGML_NATIVE (cpu.cmake)
# llama.cpp makes it one for the GPU it sees, not one for each of the seven or eight that it would support.

# Decoding is hundreds of tiny kernels per token: a graph launches them as one.
set(GGML_CUDA_GRAPHS ON CACHE BOOL "")

# FlashAttention for the KV types that edge-lam uses, not all pairs.
set(GGML_CUDA_FA ON CACHE BOOL "")
set(GGML_CUDA_FA_QUANTS "f16-f16;q8_0-q8_0" CACHE STRING "")

# Talks between several GPUs of a server; found by accident, it would become a dependency of the wheel.
set(GGML_CUDA_NCCL OFF CACHE BOOL "")
