# llama.cpp on the processor, compiled for the machine that builds it:
#   CMAKE_ARGS="-C $PWD/cmake/cpu.cmake" pip install --no-cache-dir llama-cpp-python==0.3.36
include("${CMAKE_CURRENT_LIST_DIR}/common.cmake")
set(EDGE_LAM_BACKEND "cpu" CACHE STRING "")

# -march=native: every vector unit of this processor. The wheel runs on processors like this one only. Named because
# llama.cpp turns it off where SOURCE_DATE_EPOCH is set, as packaging systems do.
set(GGML_NATIVE ON CACHE BOOL "")

# The fast kernels, llama.cpp's defaults, named because speed depends on them: weights interleaved at load for the
# vector unit, tinyBLAS for prefill, and a thread pool that does not pay for waking up at every layer.
set(GGML_CPU_REPACK ON CACHE BOOL "")
set(GGML_LLAMAFILE ON CACHE BOOL "")
set(GGML_OPENMP ON CACHE BOOL "")
