"""The benchmarks: each measures some figures, on a stack of its own or on none."""
