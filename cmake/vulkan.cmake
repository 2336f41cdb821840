# llama.cpp on GPUs of phones, Intel, AMD and NVIDIA through Vulkan 1.2. Needs Vulkan's headers and loader, those of SPIR-V
# and the shader compiler glslc (apt install libvulkan-dev spirv-headers glslc, or the Vulkan SDK; Debian 12's headers are
# too old for llama.cpp, those of Debian 13 do: -DCMAKE_PREFIX_PATH=... names another place):
#   CMAKE_ARGS="-C $PWD/cmake/vulkan.cmake" pip install --no-cache-dir llama-cpp-python==0.3.36
include("${CMAKE_CURRENT_LIST_DIR}/cpu.cmake")  # what does not run on the GPU runs on the processor
set(EDGE_LAM_BACKEND "vulkan" CACHE STRING "" FORCE)

set(GGML_VULKAN ON CACHE BOOL "")
