"""The values of the chart that the operator of the integration tests has, unless a test says otherwise."""

from __future__ import annotations

from typing import Any

RESYNC_SECONDS = 3
TOMBSTONE_SECONDS = 6

USUAL: dict[str, Any] = {
    "operator": {
        # Most tests look at the one process that leads; test_failover.py has two.
        "replicas": 1,
        "resyncIntervalSeconds": RESYNC_SECONDS,
        "sweepIntervalSeconds": RESYNC_SECONDS,
        "tombstoneSeconds": TOMBSTONE_SECONDS,
    },
    "autoIndexes": {"intervalSeconds": 2},
}
"""Every few seconds it looks for drift, and at the use of the Namespaces that want indexes made from it."""
