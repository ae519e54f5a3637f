"""The local stack behind `make demo` and the tests: control plane, stores and node stand-in. Never shipped."""
