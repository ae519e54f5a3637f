"""Logs and health. Imports nothing of the operator, so that everything may use it."""
