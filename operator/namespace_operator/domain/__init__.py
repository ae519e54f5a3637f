"""The pure middle: what a Namespace should be, what it is, and what to do about it. No I/O, no clock."""
