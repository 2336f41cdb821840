# Read inside llama-cpp-python's build, right after its project() call (CMAKE_PROJECT_llama_cpp_INCLUDE, set in
# common.cmake): compilers are known here, and normal variables reach every folder below.

# llama-cpp-python forces these two on, into the cache. A normal variable goes before the cache (CMP0126, CMP0077), so
# llama.cpp still sees them off. The common library serves llama.cpp's own programs; the Python package never loads it.
set(LLAMA_BUILD_COMMON OFF)
if(NOT EDGE_LAM_BACKEND STREQUAL "metal")
    set(GGML_METAL OFF)
endif()

# gcc and clang let these win over -march=native wherever they stand. Older compilers know neither the flags nor AMX.
if(NOT EDGE_LAM_AMX AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    include(CheckCXXCompilerFlag)
    check_cxx_compiler_flag(-mno-amx-tile EDGE_LAM_COMPILER_KNOWS_AMX)
    if(EDGE_LAM_COMPILER_KNOWS_AMX)
        foreach(flag IN ITEMS -mno-amx-tile -mno-amx-int8 -mno-amx-bf16)
            add_compile_options($<$<COMPILE_LANGUAGE:C,CXX>:${flag}>)  # not nvcc, which knows none of them
        endforeach()
    endif()
endif()

# The quantizer computes the same everywhere: where a compiler may turn a * b + c into one instruction, as it does for
# ARM, some weights are rounded otherwise. A file quantized on a phone then has other bytes than one from a desktop, and
# prefixes baked for one don't fit the other. The kernels that run models keep it. Targets are known at the end only.
function(edge_lam_exact_quantizer)
    if(TARGET ggml-base AND CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
        get_target_property(folder ggml-base SOURCE_DIR)
        set_property(SOURCE "${folder}/ggml-quants.c" TARGET_DIRECTORY ggml-base
                     APPEND PROPERTY COMPILE_OPTIONS -ffp-contract=off)
    endif()
endfunction()
cmake_language(DEFER CALL edge_lam_exact_quantizer)

# llama.cpp's own version is "0.5.0-dev" for every source between two releases: what its files hold tells them apart.
file(GLOB_RECURSE sources CONFIGURE_DEPENDS
    "${CMAKE_CURRENT_SOURCE_DIR}/vendor/llama.cpp/src/*" "${CMAKE_CURRENT_SOURCE_DIR}/vendor/llama.cpp/ggml/src/ggml*.*")
list(SORT sources)
set(hashes "")
foreach(source IN LISTS sources)
    file(SHA256 "${source}" hash)
    string(APPEND hashes "${hash}")
endforeach()
string(SHA256 revision "${hashes}")
string(SUBSTRING "${revision}" 0 16 revision)

# The stamp beside the libraries tells `edge-lam doctor` and build_wheel.py which build is installed.
if(EDGE_LAM_AMX)
    set(amx "true")
else()
    set(amx "false")
endif()
file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/edge_lam_build.json"
"{
  \"backend\": \"${EDGE_LAM_BACKEND}\",
  \"key\": \"${EDGE_LAM_BUILD_KEY}\",
  \"revision\": \"${revision}\",
  \"amx\": ${amx},
  \"native\": \"${GGML_NATIVE}\",
  \"compiler\": \"${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}\",
  \"system\": \"${CMAKE_SYSTEM_NAME} ${CMAKE_SYSTEM_PROCESSOR}\"
}
")
install(
    FILES "${CMAKE_CURRENT_BINARY_DIR}/edge_lam_build.json"
    DESTINATION "${SKBUILD_PLATLIB_DIR}/llama_cpp/lib"
)
