"""What the operator made of one Namespace, from which the floor and the seeds make many of the same kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bson import json_util

from bench.bare.servers import Object, Servers, namespaces_path
from bench.substitute import substituted

_MODE = json_util.CANONICAL_JSON_OPTIONS.with_options(tz_aware=True)


@dataclass(frozen=True, slots=True)
class Template:
    """A Ready Namespace: the bodies of the requests that bring another one about.

    ``shared`` is the document of its shared collection, None for one that has its own.
    """

    name: str
    organization: str
    uid: str
    namespace_id: str
    collection: str
    metadata: Object
    create: Object
    indexes: list[Object]
    document: Object
    shared: Object | None
    status: Object

    @classmethod
    async def of(cls, servers: Servers, organization: str, name: str) -> Template:
        """What there is of a Namespace that the operator made."""
        obj = await servers.send("GET", f"{namespaces_path(organization)}/{name}")
        namespace_id, collection = obj["status"]["namespaceId"], obj["status"]["collection"]
        info = (await servers.ask("GET", f"/collections/{collection}"))["result"]
        document = await servers.database["namespaces"].find_one({"_id": namespace_id})
        assert document is not None
        shared = await servers.database["namespaces"].find_one({"members": namespace_id, "collection": collection})
        return cls(
            name=name,
            organization=organization,
            uid=obj["metadata"]["uid"],
            namespace_id=namespace_id,
            collection=collection,
            metadata=info["config"].get("metadata") or {},
            create={"vectors": info["config"]["params"]["vectors"], "metadata": info["config"].get("metadata") or {}},
            indexes=[
                {"field_name": field, "field_schema": found.get("params") or found["data_type"]}
                for field, found in info["payload_schema"].items()
            ],
            document=document,
            shared=shared,
            status=obj["status"],
        )

    def named(self, value: Any, organization: str, name: str, uid: str, namespace_id: str) -> Any:
        """A body as it is for another Namespace. Each of this one's own names has to be like nothing else in it."""
        names = {
            self.uid: uid,
            self.namespace_id: namespace_id,
            self.name: name,
            self.organization: organization,
        }
        return substituted(value, names)

    def save(self, path: Path) -> None:
        """Write it to a file."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        path.write_text(json_util.dumps(fields, json_options=_MODE))

    @classmethod
    def load(cls, path: Path) -> Template:
        """Read what ``save`` wrote."""
        return cls(**json_util.loads(path.read_text(), json_options=_MODE))
