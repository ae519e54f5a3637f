"""Kubernetes: the watch (kopf), the client, and the cluster as the controller sees it. Nothing else talks to it."""
