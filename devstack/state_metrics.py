"""A stand-in for kube-state-metrics: the same series of custom resources, from the same configuration.

kube-state-metrics is not to be had as a program from where the local stack gets its parts. This one reads the
configuration that the chart ships (``CustomResourceStateMetrics``), refuses what is not in its documentation, and
makes of each object what kube-state-metrics makes of it; of quantities it knows plain numbers only. It lists the
objects again and again instead of watching them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from devstack.kubeapi import KubeApi, KubeApiError

Path = tuple[str, ...]
Labels = dict[str, str]
Value = tuple[Labels, float]

_TRUE = {"true", "yes"}
_FALSE = {"false", "no", "unknown"}
_REFRESH_SECONDS = 0.5
_LOOKUP = re.compile(r"\[(?P<key>[^=]*)=(?P<value>.*)\]")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class _Labelled(_Model):
    common_labels: dict[str, str] = Field(default_factory=dict)
    labels_from_path: dict[str, Path] = Field(default_factory=dict)


class Gauge(_Model):
    """The number at ``value_from`` of each element at ``path``."""

    path: Path = ()
    labels_from_path: dict[str, Path] = Field(default_factory=dict)
    label_from_key: str = ""
    value_from: Path = ()
    nil_is_zero: bool = False

    def values(self, found: Any) -> Iterator[Value]:
        """The values of what is at the path, with their own labels."""
        if isinstance(found, dict):
            for key, item in found.items():
                number = _number(item) if (key,) == self.value_from else self._value(item)
                if number is not None:
                    labels = {self.label_from_key: key} if self.label_from_key else {}
                    # Its labels may be told by its neighbours, too.
                    yield labels | _labels(self.labels_from_path, item) | _labels(self.labels_from_path, found), number
            return
        for item in found if isinstance(found, list) else [found]:
            number = self._value(item)
            if number is not None:
                yield _labels(self.labels_from_path, item), number

    def _value(self, item: Any) -> float | None:
        got = _get(item, self.value_from)
        return (0.0 if self.nil_is_zero else None) if got is None else _number(got)


class Info(_Model):
    """A 1 for each element at ``path``, with labels that tell of it."""

    path: Path = ()
    labels_from_path: dict[str, Path] = Field(default_factory=dict)
    label_from_key: str = ""

    def values(self, found: Any) -> Iterator[Value]:
        """The values of what is at the path, with their own labels; none without a label."""
        if isinstance(found, dict):
            for key, item in found.items():
                labels = {self.label_from_key: key} if self.label_from_key else {}
                yield labels | _labels(self.labels_from_path, item), 1.0
        for item in found if isinstance(found, list) else [found]:
            yield _labels(self.labels_from_path, item), 1.0


class StateSet(_Model):
    """For each of ``list`` whether it is the word at ``value_from``."""

    path: Path = ()
    labels_from_path: dict[str, Path] = Field(default_factory=dict)
    label_name: str
    value_from: Path = ()
    words: tuple[str, ...] = Field(alias="list")

    def values(self, found: Any) -> Iterator[Value]:
        """The values of what is at the path, with their own labels."""
        for item in found if isinstance(found, list) else [found]:
            state = _get(item, self.value_from)
            if isinstance(state, str):
                for word in self.words:
                    yield {self.label_name: word} | _labels(self.labels_from_path, item), float(word == state)


class Each(_Model):
    """What a metric is made of: one of the three, as ``type`` says."""

    type: Literal["Gauge", "Info", "StateSet"]
    gauge: Gauge | None = None
    info: Info | None = None
    state_set: StateSet | None = None

    @property
    def of(self) -> Gauge | Info | StateSet:
        """The one that is given."""
        found = {"Gauge": self.gauge, "Info": self.info, "StateSet": self.state_set}[self.type]
        assert found is not None
        return found

    @model_validator(mode="after")
    def _says_what_it_is(self) -> Each:
        given = {"Gauge": self.gauge, "Info": self.info, "StateSet": self.state_set}
        if [name for name, value in given.items() if value is not None] != [self.type]:
            raise ValueError(f"a metric of type {self.type} has that and no other")
        return self


class Metric(_Labelled):
    """A metric of the objects of one kind."""

    name: str
    help: str
    error_log_v: int = 0
    each: Each


class GroupVersionKind(_Model):
    """Which objects."""

    group: str
    version: str
    kind: str


class Resource(_Labelled):
    """One kind and its metrics."""

    group_version_kind: GroupVersionKind
    resource_plural: str = ""
    metric_name_prefix: str = "kube_customresource"
    error_log_v: int = 0
    metrics: tuple[Metric, ...]

    @property
    def plural(self) -> str:
        """The resource's name; guessed as the real one does where nothing is said, for regular words."""
        return self.resource_plural or f"{self.group_version_kind.kind.lower()}s"


class Spec(_Model):
    """All kinds."""

    resources: tuple[Resource, ...]


class Configuration(_Model):
    """The whole file."""

    kind: Literal["CustomResourceStateMetrics"]
    spec: Spec


def exposition(resource: Resource, objects: list[dict[str, Any]]) -> str:
    """The series of these objects in the text format. Two series of the same labels are an error of Prometheus' own."""
    lines: list[str] = []
    told: set[str] = set()
    for metric in resource.metrics:
        name = "_".join(part for part in (resource.metric_name_prefix, metric.name) if part)
        if name not in told:
            lines += [f"# HELP {name} {metric.help}", f"# TYPE {name} gauge"]
            told.add(name)
        for obj in objects:
            lines += [_line(name, labels, value) for labels, value in _values(resource, metric, obj)]
    return "\n".join(lines) + "\n"


def _values(resource: Resource, metric: Metric, obj: dict[str, Any]) -> Iterator[Value]:
    about = resource.group_version_kind.model_dump()
    base = resource.common_labels | {f"customresource_{name}": value for name, value in about.items()}
    base |= metric.common_labels | _labels(resource.labels_from_path | metric.labels_from_path, obj)
    each = metric.each.of
    for labels, value in each.values(_get(obj, each.path)):
        if labels or not isinstance(each, Info):
            yield base | labels, value


def _labels(paths: Mapping[str, Path], item: Any) -> Labels:
    """Those that are there; a name with a ``*`` stands for all entries of a map, and any other name wins over it."""
    labels: Labels = {}
    for name in sorted(name for name in paths if name.startswith("*") or name.endswith("*")):
        found = _get(item, paths[name])
        prefix = name[:-1] if name.endswith("*") else ""
        if isinstance(found, dict):
            labels |= {_sanitized(f"{prefix}{key}"): _text(value) for key, value in found.items()}
    for name, path in paths.items():
        found = _get(item, path)
        if found is not None and "*" not in name:
            labels[_sanitized(name)] = _text(found)
    return labels


def _get(item: Any, path: Path) -> Any:
    for part in path:
        if item is None:
            return None
        lookup = _LOOKUP.fullmatch(part)
        if lookup:
            item = _element(item, lookup["key"], lookup["value"])
        elif isinstance(item, dict):
            item = item.get(part)
        elif isinstance(item, list) and part.lstrip("-").isdigit():
            place = int(part)
            item = item[place] if -len(item) <= place < len(item) else None
        else:
            item = None
    return item


def _element(items: Any, key: str, value: str) -> Any:
    """The first element of a list with this value, which is compared as a word, a number or a truth value."""
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict) and key in item and _text(item[key]) == value:
            return item
    return None


def _number(value: Any) -> float | None:
    """As kube-state-metrics reads a value: truth values, conditions, times and numbers."""
    if isinstance(value, bool | int | float):
        return float(value)
    if not isinstance(value, str):
        return None
    if value.lower() in _TRUE:
        return 1.0
    if value.lower() in _FALSE:
        return 0.0
    with suppress(ValueError):
        return float(int(datetime.fromisoformat(value).timestamp())) if "T" in value else float(value)
    return None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sanitized(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)


def _line(name: str, labels: Labels, value: float) -> str:
    quoted = (f'{key}="{_escaped(text)}"' for key, text in sorted(labels.items()))
    return f"{name}{{{','.join(quoted)}}} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


class StateMetrics:
    """A context manager around the server; ``address`` is host:port.

    It answers at once with what it last read, as the real one does, which follows a watch.
    """

    def __init__(self, api: KubeApi, configuration: Configuration) -> None:
        self._api = api
        self._resources = configuration.spec.resources
        self._text = b""
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(lambda: self._text))
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._keep, self._server.serve_forever)
        ]

    def __enter__(self) -> Self:
        self._read()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()

    def _keep(self) -> None:
        while not self._over.wait(_REFRESH_SECONDS):
            with suppress(KubeApiError):  # the API server is away; what was known is still the best
                self._read()

    def _read(self) -> None:
        self._text = "".join(exposition(each, _list(self._api, each)) for each in self._resources).encode()


def _handler(text: Callable[[], bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = text()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):  # the scraper did not wait
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
            pass

    return Handler


def _list(api: KubeApi, resource: Resource) -> list[dict[str, Any]]:
    """All objects of the kind."""
    about = resource.group_version_kind
    items: list[dict[str, Any]] = api.get(f"/apis/{about.group}/{about.version}/{resource.plural}")["items"]
    return items
