"""Which collections and aliases there are."""

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path

from devstack.qdrant.body import Body
from devstack.qdrant.collection import Collection, OpenShards
from devstack.qdrant.config import Config
from devstack.qdrant.errors import ApiError, collection_exists, collection_missing, wrong_input
from devstack.qdrant.requests import AliasAction, ChangeAliases
from devstack.qdrant.storage import stored, write_json


class Catalog:
    """The collections and aliases below a data directory."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._root = root
        self._shards = OpenShards()
        self._naming = asyncio.Lock()
        self._collections = {
            saved["name"]: Collection(saved["name"], directory, Config.restore(saved), self._shards)
            for directory, saved in stored(root)
        }
        saved_aliases = json.loads(self._alias_file.read_text()) if self._alias_file.exists() else {}
        # The end of the process may have come between the end of a collection and that of its aliases.
        self.aliases = {alias: name for alias, name in saved_aliases.items() if name in self._collections}

    async def resume(self) -> None:
        """Apply what a former process acknowledged and did not apply."""
        for collection in self._collections.values():
            await collection.resume()

    async def close(self) -> None:
        """Apply what waits, and close every shard."""
        for collection in self._collections.values():
            await collection.close()

    def collections(self) -> Iterable[Collection]:
        """All of them."""
        return self._collections.values()

    def exists(self, name: str) -> bool:
        """Whether a name or an alias leads to a collection."""
        return self.aliases.get(name, name) in self._collections

    def get(self, name: str) -> Collection:
        """The collection of a name or an alias. Raises ApiError if there is none."""
        collection = self._collections.get(self.aliases.get(name, name))
        if collection is None:
            raise collection_missing(name)
        return collection

    async def create(self, name: str, body: Body) -> None:
        """Make a collection; it is durable when this returns. Raises ApiError if the name is taken."""
        config = Config.create(body)
        async with self._naming:
            if name in self.aliases:
                text = f"Can't create collection with name {name}. Alias with the same name already exists"
                raise wrong_input(text)
            if name in self._collections:
                raise collection_exists(name)
            self._collections[name] = await Collection.create(name, self._root, config, self._shards)

    async def delete(self, name: str) -> bool:
        """Delete a collection with its aliases; False if there is none of that name. An alias is no name here."""
        async with self._naming:
            collection = self._collections.pop(name, None)
            if collection is None:
                return False
            await collection.disown()
            kept = {alias: target for alias, target in self.aliases.items() if target != name}
            if kept != self.aliases:
                await self._save_aliases(kept)
        await collection.remove()
        return True

    async def change_aliases(self, request: ChangeAliases) -> None:
        """Do all of the changes, or none."""
        async with self._naming:
            aliases = dict(self.aliases)
            for action in request.actions:
                self._change(aliases, action)
            await self._save_aliases(aliases)

    def _change(self, aliases: dict[str, str], action: AliasAction) -> None:
        if create := action.create_alias:
            if create.collection_name not in self._collections:
                raise collection_missing(create.collection_name)
            if create.alias_name in self._collections:
                raise collection_exists(create.alias_name)
            aliases[create.alias_name] = create.collection_name
        elif rename := action.rename_alias:
            if rename.old_alias_name not in aliases:
                raise ApiError(404, f"Not found: Alias {rename.old_alias_name} does not exists!")
            if rename.new_alias_name in self._collections:
                raise collection_exists(rename.new_alias_name)
            aliases[rename.new_alias_name] = aliases.pop(rename.old_alias_name)
        elif delete := action.delete_alias:
            aliases.pop(delete.alias_name, None)

    async def _save_aliases(self, aliases: dict[str, str]) -> None:
        await asyncio.to_thread(write_json, self._alias_file, aliases)
        self.aliases = aliases

    @property
    def _alias_file(self) -> Path:
        return self._root / "aliases.json"
