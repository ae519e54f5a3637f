"""Faults of every kind on the real stack while Namespaces are edited, and the proof that nothing was lost."""
