// Stands in for a faulty accelerator. Preloaded, it takes the place of the function with which ggml hands a matrix product
// to the kernels of an extra buffer type (repacked weights, AMX): the product is computed, then the process dies of a
// real SIGSEGV. Weights in plain buffers never reach it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

typedef bool (*forward_t)(void * params, void * tensor);

bool ggml_cpu_extra_compute_forward(void * params, void * tensor) {
    // llama_cpp loads its libraries out of sight of RTLD_NEXT: ask the one that is already there.
    void * library = dlopen("libggml-cpu.so", RTLD_LAZY | RTLD_NOLOAD);
    if (!library) {  // the name in a build with versioned names
        library = dlopen("libggml-cpu.so.0", RTLD_LAZY | RTLD_NOLOAD);
    }
    forward_t forward = library ? (forward_t) dlsym(library, "ggml_cpu_extra_compute_forward") : NULL;
    if (!forward) {
        __builtin_trap();
    }
    bool done = forward(params, tensor);
    if (done) {
        *(volatile int *) 8 = 0;
    }
    return done;
}
