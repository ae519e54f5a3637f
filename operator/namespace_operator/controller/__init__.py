"""The loop: a queue of keys, one reconcile for each, and the sweeps that find what no event told of."""
