"""A stand-in for a Qdrant server: its REST API over Qdrant's own segment engine.

The engine (`qdrant-edge-py`) is real: points, filters, payload indexes, named vectors. What the server adds around it
(collections with metadata, aliases, status, telemetry, strict mode, access control, error texts) is made here, and
held to answers recorded from a real server by the tests in `tests/contract/qdrant`. What is not served is listed in
`unserved` and answered with 501. It is a development tool, neither fast nor replicated.
"""

VERSION = "1.18.3"
"""The server version the answers were recorded from, and the one reported."""
