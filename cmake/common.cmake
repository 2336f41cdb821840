# What every backend file shares. An initial cache is read before llama-cpp-python's own CMakeLists.txt, which then finds
# its options answered; `-D` after `-C` in CMAKE_ARGS still overrides each of them.
#
# Compiling is what takes the time. CPU backend of llama-cpp-python 0.3.36, gcc 12, 2 cores of an AMD EPYC:
#   llama-cpp-python's defaults                    about 6 min
#   without image and audio input                  7 min 35 s of processor time, 140 steps, a wheel of 20 MB
#   and without the common library, with all here  3 min 31 s of processor time,  79 steps, a wheel of 2.6 MB

# Image and audio input (libmtmd): a text runtime never loads it.
set(LLAVA_BUILD OFF CACHE BOOL "")

# Programs and tests. Off by default in a build below another project, named here so that they stay off.
set(LLAMA_BUILD_APP OFF CACHE BOOL "")
set(LLAMA_BUILD_EXAMPLES OFF CACHE BOOL "")
set(LLAMA_BUILD_SERVER OFF CACHE BOOL "")
set(LLAMA_BUILD_TESTS OFF CACHE BOOL "")
set(LLAMA_BUILD_TOOLS OFF CACHE BOOL "")
set(LLAMA_BUILD_UI OFF CACHE BOOL "")

# Warnings of other people's code bury the one error that matters in the log of a failed build.
set(LLAMA_ALL_WARNINGS OFF CACHE BOOL "")

# A wheel has no symbolic links: libllama.so, .so.0 and .so.0.5.0 would be three whole copies. Without version suffixes,
# and with llama.cpp's own install folder set to the one that llama-cpp-python copies the libraries to, the wheel holds
# each library once (2.6 MB instead of 20 MB) and nothing lands in site-packages/lib and site-packages/include.
set(CMAKE_PLATFORM_NO_VERSIONED_SONAME ON CACHE BOOL "")
set(CMAKE_INSTALL_BINDIR "llama_cpp/lib" CACHE PATH "")
set(CMAKE_INSTALL_INCLUDEDIR "llama_cpp/include" CACHE PATH "")
set(CMAKE_INSTALL_LIBDIR "llama_cpp/lib" CACHE PATH "")

# Intel's matrix unit (AMX). Phones and laptops have none, and on many virtual machines llama.cpp's AMX kernels die with
# SIGSEGV in ggml_backend_amx_mul_mat. AVX-512 and VNNI, the next best, stay. Keep it with
#   CMAKE_ARGS="-C $PWD/cmake/cpu.cmake -DEDGE_LAM_AMX=ON"
# and the runtime tries it once in a child process before it is used.
set(EDGE_LAM_AMX OFF CACHE BOOL "Build llama.cpp's AMX kernels")

# Names one build in the wheel cache; given by build_wheel.py, empty under plain pip.
set(EDGE_LAM_BUILD_KEY "" CACHE STRING "Key of this build in edge-lam's wheel cache")

# What can't be said before project() is said right after it.
set(CMAKE_PROJECT_llama_cpp_INCLUDE "${CMAKE_CURRENT_LIST_DIR}/after_project.cmake" CACHE FILEPATH "")
