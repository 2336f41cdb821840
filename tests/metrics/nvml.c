// A driver's library with two GPUs, for readers of NVML: the functions they call, as the NVML API Reference declares them.
#include <string.h>
#include <unistd.h>

typedef struct {
    unsigned int pid;
    unsigned long long usedGpuMemory;
    unsigned int gpuInstanceId, computeInstanceId;
} Process;

enum { SUCCESS = 0, NOT_SUPPORTED = 3, TOO_SMALL = 7, OTHERS = 100 };
static int numbers[2] = {0, 1};
static unsigned long long millijoules[2] = {5000, 7000};

int nvmlInitWithFlags(unsigned int flags) { return flags ? NOT_SUPPORTED : SUCCESS; }
int nvmlDeviceGetCount_v2(unsigned int *count) { return *count = 2, SUCCESS; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) { return *device = &numbers[index], SUCCESS; }

// Each reading finds 250 mJ more, on each of the two.
int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *energy) {
#ifdef NO_COUNTER
    return NOT_SUPPORTED;
#endif
    return *energy = millijoules[*(int *)device] += 250, SUCCESS;
}

int nvmlDeviceGetPowerUsage(void *device, unsigned int *milliwatts) { return *milliwatts = 40000, SUCCESS; }

int nvmlDeviceGetTemperature(void *device, unsigned int sensor, unsigned int *celsius) {
    return sensor ? NOT_SUPPORTED : (*celsius = 50 + 11 * *(int *)device, SUCCESS);
}

int nvmlDeviceGetClockInfo(void *device, unsigned int type, unsigned int *megahertz) {
    return type != 1 ? NOT_SUPPORTED : (*megahertz = *(int *)device ? 210 : 1980, SUCCESS);
}

// Many processes of others, then this one.
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned int *count, Process *found) {
    unsigned int room = *count;
    *count = OTHERS + 1;
    if (room < *count) return TOO_SMALL;
    memset(found, 0, *count * sizeof *found);
    for (int index = 0; index < OTHERS; index++) found[index].usedGpuMemory = 1;
    found[OTHERS].pid = (unsigned int)getpid();
#ifdef NO_MEMORY
    found[OTHERS].usedGpuMemory = ~0ULL;
#else
    found[OTHERS].usedGpuMemory = 3000000000ULL + *(int *)device;
#endif
    return SUCCESS;
}
