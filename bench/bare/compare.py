"""The floor of a start: list all objects, all documents and all collections, and compare them."""

from __future__ import annotations

from urllib.parse import quote

from bench.bare.servers import Object, Servers, namespaces_path

_PAGE = 500


async def compare_all(servers: Servers, organization: str) -> int:
    """How many Namespaces have a document, a collection and a status that say what their spec says."""
    documents = {
        document["_id"]: document
        async for document in servers.database["namespaces"].find({"object": "namespace"}, batch_size=1000)
    }
    telemetry = await servers.ask("GET", "/telemetry?details_level=4")
    collections = {entry["id"]: entry for entry in telemetry["result"]["collections"]["collections"]}
    agreeing, query = 0, ""
    while True:
        page = await servers.send("GET", f"{namespaces_path(organization)}?limit={_PAGE}{query}")
        agreeing += sum(_agrees(obj, documents, collections) for obj in page["items"])
        token = page["metadata"].get("continue")
        if not token:
            return agreeing
        query = f"&continue={quote(token, safe='')}"


def _agrees(obj: Object, documents: dict[str, Object], collections: dict[str, Object]) -> bool:
    status, spec = obj.get("status", {}), obj["spec"]
    document = documents.get(status.get("namespaceId", ""))
    if document is None or document["state"] != "ready" or document["owner"]["cr_uid"] != obj["metadata"]["uid"]:
        return False
    entry = collections.get(document["collection"])
    if entry is None or entry["config"]["metadata"]["mixpeek.com/collection"] != document["collection"]:
        return False
    live = entry["shards"][0]["local"]["segments"][0]["info"]["index_schema"]
    declared = {index["field_name"]: index["field_schema"]["type"] for index in document["payload_indexes"]}
    wanted = {index["fieldName"]: index["type"] for index in spec["payloadIndexes"]}
    if not wanted.items() <= declared.items() or any(
        live.get(name, {}).get("data_type") != kind for name, kind in declared.items()
    ):
        return False
    vectors = {vector["name"] for each in document["feature_extractors"] for vector in each["vectors"]}
    if not vectors <= entry["config"]["params"]["vectors"].keys():
        return False
    return bool(status["observedGeneration"] == obj["metadata"]["generation"])
