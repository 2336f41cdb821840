"""The benchmark suite: latency, memory and quality of a tool call, per quantization, beside the peers."""
