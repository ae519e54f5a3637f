"""Benchmarks of the operator on the local stack. They print figures and assert nothing."""
