"""Logs, health and metrics. Imports nothing of the operator, so that everything may use it."""
