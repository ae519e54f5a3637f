"""What the operator costs, each figure beside its floor: the same calls by a bare script. See docs/benchmarks.md."""
