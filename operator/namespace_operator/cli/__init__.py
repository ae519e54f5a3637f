"""The ``namespace-operator`` command."""
