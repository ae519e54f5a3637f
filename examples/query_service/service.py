"""A search service that tells the operator by which fields its queries filter. See README.md beside it."""

import os

from aiohttp import web
from qdrant_client import AsyncQdrantClient, models

from namespace_operator.usage import Recorder

qdrant = AsyncQdrantClient(url=os.environ["QDRANT_URL"], api_key=os.environ.get("QDRANT_API_KEY"))
recorder = Recorder(os.environ["MONGODB_URI"], os.environ.get("MONGODB_DATABASE", "mixpeek"), service="example-search")


async def search(request: web.Request) -> web.Response:
    """The points of a namespace that a filter lets through, for a body such as ``{"filter": {"must": [...]}}``."""
    namespace_id, query_filter = request.match_info["namespace_id"], models.Filter(**(await request.json())["filter"])
    recorder.record(namespace_id, query_filter)
    points, _ = await qdrant.scroll(namespace_id, scroll_filter=query_filter, limit=10)
    return web.json_response([{"id": point.id, "payload": point.payload} for point in points])


if __name__ == "__main__":
    app = web.Application()
    app.add_routes([web.post("/namespaces/{namespace_id}/search", search)])
    web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8090")))
