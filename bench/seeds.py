"""Many Namespaces that are Ready before the operator starts, made from one that it made itself."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from pathlib import Path
from typing import Any

from bench.bare.servers import Object, namespaces_path
from bench.bare.template import Template
from bench.rig import OPERATOR, SPEC, STAND_INS, Rig
from bench.workers import at_once
from devstack.qdrant.front import part_of, process_of
from namespace_operator.api.resource import API_VERSION, KIND

_AT_ONCE = 16

Names = tuple[str, str]
"""Name and uid of an object."""


async def seed(rig: Rig, template: Template, numbers: range) -> None:
    """Objects with their status, documents and collections, as if the operator had made them. It has to be down."""
    documents: list[Object] = []
    made: dict[str, Names] = {}
    path = namespaces_path(OPERATOR.organization)

    async def one(offset: int) -> None:
        name, namespace_id = f"seed-{numbers[offset]:05}", f"ns_{secrets.token_hex(5)}"
        metadata: Object = {"name": name, "namespace": OPERATOR.organization}
        body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": SPEC}
        obj = await rig.servers.send("POST", path, body)
        uid, version = obj["metadata"]["uid"], obj["metadata"]["resourceVersion"]

        def named(value: Any) -> Any:
            return template.named(value, OPERATOR.organization, name, uid, namespace_id)

        kept = {**metadata, "uid": uid, "resourceVersion": version}
        status = {"apiVersion": API_VERSION, "kind": KIND, "metadata": kept, "status": named(template.status)}
        await rig.servers.send("PUT", f"{path}/{name}/status", status)
        documents.append({**named(template.document), "_id": namespace_id})
        made[namespace_id] = name, uid

    await at_once(len(numbers), _AT_ONCE, one)
    for start in range(0, len(documents), 1000):
        await rig.servers.database["namespaces"].insert_many(documents[start : start + 1000])
    if os.environ.get("QDRANT_URL"):
        await _ask_for(rig, template, made)
    else:
        await asyncio.to_thread(_write, rig, template, made)


async def _ask_for(rig: Rig, template: Template, made: dict[str, Names]) -> None:
    """Collections by requests, as a server has to be asked."""
    collections = list(made.items())

    async def one(number: int) -> None:
        name, (of, uid) = collections[number]
        body = template.named(template.create, OPERATOR.organization, of, uid, name)
        await rig.servers.ask("PUT", f"/collections/{name}", body)
        for index in template.indexes:
            await rig.servers.ask("PUT", f"/collections/{name}/index?wait=true", index)

    await at_once(len(collections), _AT_ONCE, one)


def _write(rig: Rig, template: Template, made: dict[str, Names]) -> None:
    """Collections as files of the stand-in, which is started again: a hundred thousand requests would take minutes."""
    process = rig.stack.qdrant
    root = Path(next(each for each in process.argv if each.startswith("--data-dir=")).partition("=")[2])
    files = (file for file in root.rglob("collection.json"))
    kept = next(saved for file in files if (saved := json.loads(file.read_text()))["name"] == template.collection)
    process.stop()
    for name, (of, uid) in made.items():
        part = root if STAND_INS == 1 else part_of(root, process_of(name, STAND_INS))
        directory = part / "collections" / secrets.token_hex(16)
        directory.mkdir(parents=True)
        named = template.named(kept, OPERATOR.organization, of, uid, name)
        (directory / "collection.json").write_text(json.dumps(named))
    process.start()
    process.wait_ready()
