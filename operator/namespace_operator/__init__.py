"""Kubernetes operator that reconciles Mixpeek namespaces into Qdrant and MongoDB."""

__version__ = "0.1.0"
