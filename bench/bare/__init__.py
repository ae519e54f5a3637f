"""The floor: the calls that the work needs, by a bare script with as many workers as the operator, in one process."""
