"""``export``: custom resources for what is in the stores already."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Annotated

import typer

from namespace_operator.api.annotations import Adoption
from namespace_operator.cli import session
from namespace_operator.cli.access import Access, opened
from namespace_operator.cli.collect.export import Exported, distinct, from_collection, from_document, from_foreign
from namespace_operator.cli.collect.plan import incarnation
from namespace_operator.cli.ending import CommandError, ExitCode, Finished
from namespace_operator.cli.options import ClusterOptions, Format, ReleaseOptions, StoreOptions, with_groups
from namespace_operator.cli.output import Table, as_yaml, counting, one_line, show, warn
from namespace_operator.cli.session import Session
from namespace_operator.controller.cluster import ClusterError
from namespace_operator.controller.fleet import Server
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.placement import DEFAULT
from namespace_operator.stores.mongodb.foreign import FoundDocuments, all_documents

_SOURCE = "Where what is exported is"
_GOING = frozenset({State.DELETING, State.DELETED})


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """Where what is to be exported is."""

    server: Annotated[
        str,
        typer.Option(
            help="Qdrant server: default, or the clusterId of an InfrastructureCluster.", rich_help_panel=_SOURCE
        ),
    ] = DEFAULT
    from_database: Annotated[
        str | None,
        typer.Option(
            help="MongoDB database with the namespace documents. Default: the operator's.", rich_help_panel=_SOURCE
        ),
    ] = None
    from_collection: Annotated[str, typer.Option(help="MongoDB collection with them.", rich_help_panel=_SOURCE)] = (
        "namespaces"
    )
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=VALUE",
            help="Only documents of other services with this value; may be repeated.",
            rich_help_panel=_SOURCE,
        ),
    ] = None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(with_groups(command))


def command(
    cluster: ClusterOptions,
    release: ReleaseOptions,
    stores: StoreOptions,
    source: SourceOptions,
    collection: Annotated[
        list[str] | None, typer.Option("--collection", "-c", help="Adopt this Qdrant collection; may be repeated.")
    ] = None,
    with_delete: Annotated[
        bool, typer.Option("--with-delete", help="Adopt so that deletionPolicy: Delete deletes the collection too.")
    ] = False,
    all_namespaces: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="Documents of operators in all Kubernetes namespaces.")
    ] = False,
    output: Annotated[Format, typer.Option("--output", "-o", help="Form of the output.")] = Format.YAML,
) -> None:
    """Print Namespaces for what is in the stores already, for kubectl apply -f -.

    Without --collection: one for each namespace document in MongoDB. What cannot be said in a Namespace is told in
    comments. Exit code 1 if something was left out altogether.
    """
    adoption = Adoption.WITH_DELETE if with_delete else Adoption.KEEP
    chosen = _conditions(source.where or [])
    problems: list[str] = []

    async def work(found: Session) -> tuple[Exported, ...]:
        async with opened(found, release, stores) as access:
            for note in access.notes:
                warn(note)
            server = await _server(access, source.server)
            maker = _Maker(found, access, server, adoption, problems)
            if collection:
                return tuple([each async for each in maker.of_collections(collection)])
            documents = await all_documents(
                access.mongodb_uri.get_secret_value(),
                source.from_database or access.settings.mongodb_database,
                source.from_collection,
                where=chosen,
            )
            return tuple([each async for each in maker.of_documents(documents, all_namespaces=all_namespaces)])

    exported = session.run(work, cluster)
    _show(exported, output)
    for problem in problems:
        warn(f"left out: {problem}")
    raise Finished(ExitCode.FAILED if problems else ExitCode.DONE)


class _Maker:
    """Makes custom resources of what it reads; what cannot be one is added to ``problems``."""

    def __init__(self, found: Session, access: Access, server: Server, adoption: Adoption, problems: list[str]) -> None:
        self._found, self._access, self._server = found, access, server
        self._adoption, self._problems = adoption, problems
        self._uids: dict[str, str | None] = {}
        self._names: set[str] = set()

    async def of_collections(self, names: list[str]) -> AsyncIterator[Exported]:
        """Those of collections by name, an alias standing for what is behind it."""
        vectors = self._server.vectors
        with counting("reading collections") as step:
            for at, name in enumerate(names):
                step(at, len(names))
                target = await vectors.alias_target(name) or name
                live = await vectors.read(target)
                made = (
                    f"{name}: Qdrant has no collection of this name"
                    if live is None
                    else from_collection(live, self._found.namespace, self._access.catalog, self._adoption)
                )
                if (placed := self._placed(made)) is not None:
                    yield placed

    async def of_documents(self, documents: FoundDocuments, *, all_namespaces: bool) -> AsyncIterator[Exported]:
        """Those of documents: operators' own, and those of other services."""
        self._problems += [f"document {each.document_id}: {each.problem}" for each in documents.malformed]
        for document in documents.ours:
            wanted = all_namespaces or document.owner.organization == self._found.namespace
            if wanted and document.state not in _GOING:
                yield await self._of_ours(document)
        with counting("reading collections") as step:
            for at, raw in enumerate(documents.foreign):
                step(at, len(documents.foreign))
                name = raw.get("collection") or raw.get("namespace_id") or raw.get("_id")
                live = await self._server.vectors.read(str(name))
                access = self._access
                made = from_foreign(raw, live, self._found.namespace, access.catalog, self._adoption)
                if (placed := self._placed(made)) is not None:
                    yield placed

    async def _of_ours(self, document: NamespaceDocument) -> Exported:
        organization = document.owner.organization
        if organization not in self._uids:
            try:
                self._uids[organization] = (await incarnation(self._found.client, organization)).uid
            except ClusterError:
                self._uids[organization] = None
        return from_document(document, self._access.instance_id, self._uids[organization])

    def _placed(self, made: Exported | str) -> Exported | None:
        if isinstance(made, str):
            self._problems.append(made)
            return None
        made = distinct(made, self._names)
        if self._server.endpoint.name == DEFAULT:
            return made
        spec = {**made.manifest["spec"], "clusterId": self._server.endpoint.name}
        return Exported({**made.manifest, "spec": spec}, made.warnings)


async def _server(access: Access, name: str) -> Server:
    endpoints = {endpoint.name: endpoint for endpoint in access.fleet.everywhere()}
    if name not in endpoints:
        raise CommandError(f"there is no Qdrant server {name}; there are: {', '.join(sorted(endpoints))}")
    return await access.fleet.server(endpoints[name])


def _conditions(given: list[str]) -> Mapping[str, str]:
    pairs = [each.partition("=") for each in given]
    for name, separator, _ in pairs:
        if not name or not separator or name.startswith("$"):
            raise CommandError("--where takes FIELD=VALUE")
    return {name: value for name, _, value in pairs}


def _show(exported: tuple[Exported, ...], output: Format) -> None:
    if output is Format.YAML:
        texts = [
            "\n".join([*(f"# {one_line(warning)}" for warning in each.warnings), as_yaml(each.manifest)])
            for each in exported
        ]
        print("---\n".join(texts), end="")
        return
    for each in exported if output is Format.JSON else ():
        for warning in each.warnings:
            warn(f"{each.name}: {warning}")
    rows = tuple((each.name, one_line("; ".join(each.warnings))) for each in exported)
    items = {"apiVersion": "v1", "kind": "List", "items": [each.manifest for each in exported]}
    show(items, output, [Table(("NAMESPACE", "TO KNOW"), rows)])


def _with_comments(exported: Exported) -> str:
    comments = (f"# {one_line(warning)}\n" for warning in exported.warnings)
    return "".join(comments) + as_yaml(exported.manifest)
