# llama.cpp on 64-bit Android phones, for one binary that runs on all of them from 2018 on.
#
# On the phone, in Termux (pkg install python python-pip clang cmake ninja libandroid-spawn):
#   CMAKE_ARGS="-C $PWD/cmake/android-arm64.cmake" pip install --no-cache-dir llama-cpp-python==0.3.36
#
# On a desktop, with the NDK (ANDROID_NDK_HOME): the libraries alone, from an unpacked llama-cpp-python sdist, to be put
# beside the Python files of llama_cpp in an app:
#   cmake -C cmake/android-arm64.cmake -S llama_cpp_python-0.3.36 -B build -G Ninja -DSKBUILD_PLATLIB_DIR=$PWD/out
#   cmake --build build && cmake --install build --prefix out
include("${CMAKE_CURRENT_LIST_DIR}/common.cmake")
set(EDGE_LAM_BACKEND "android-arm64" CACHE STRING "")

if(NOT DEFINED ENV{ANDROID_NDK_HOME} AND NOT DEFINED ENV{ANDROID_ROOT})  # Android itself sets the latter
    message(FATAL_ERROR "this is not Android: set ANDROID_NDK_HOME to the NDK's folder, or build in Termux on the phone")
endif()
if(DEFINED ENV{ANDROID_NDK_HOME})
    set(CMAKE_TOOLCHAIN_FILE "$ENV{ANDROID_NDK_HOME}/build/cmake/android.toolchain.cmake" CACHE FILEPATH "")
    set(ANDROID_ABI "arm64-v8a" CACHE STRING "")
    set(ANDROID_PLATFORM "android-28" CACHE STRING "")  # Android 9, the first with all that llama.cpp calls
endif()

# Phones with pages of 16 KB (from Android 15 on) load libraries whose segments are aligned to that, and others too. The
# NDK does so from r28 on. An environment variable, since CMake adds it to what the NDK's toolchain asks for.
set(ENV{LDFLAGS} "$ENV{LDFLAGS} -Wl,-z,max-page-size=16384")

# Dot product and half floats, in phones since the Cortex-A75/A76: without them Q4 and Q8 run several times slower. Not
# -mcpu=native: a phone's fast and slow cores differ, and the compiler asks the one it happens to run on.
set(GGML_NATIVE OFF CACHE BOOL "")
set(GGML_CPU_ARM_ARCH "armv8.2-a+dotprod+fp16" CACHE STRING "")
set(GGML_CPU_REPACK ON CACHE BOOL "")

# llama.cpp's own threads: the NDK's OpenMP library would have to travel with the wheel.
set(GGML_OPENMP OFF CACHE BOOL "")

# tinyBLAS is made and tested for servers and laptops; llama.cpp's Android guide leaves it out as well.
set(GGML_LLAMAFILE OFF CACHE BOOL "")
