"""The diagrams of the documentation, drawn as SVG: boxes on a grid and arrows between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

Kind = Literal["part", "pure", "store", "people", "group"]
Side = Literal["left", "right", "top", "bottom"]

_FILLS: dict[Kind, str] = {
    "part": "#e8f0fe",
    "pure": "#e6f4ea",
    "store": "#fef7e0",
    "people": "#f1f3f4",
    "group": "none",
}
_LINE_HEIGHT = 16
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#202124;text-anchor:middle}"
    ".small{font-size:12px;fill:#5f6368;paint-order:stroke;stroke:#fff;stroke-width:3px}.inside{stroke:none}.caption{font-weight:600}"
    "path{fill:none;stroke:#5f6368;stroke-width:1.5;marker-end:url(#head)}"
    "rect{stroke:#5f6368}"
)


@dataclass(frozen=True, slots=True)
class Box:
    """A box with its upper left corner and size in pixels; the first line of its text is its caption."""

    x: int
    y: int
    width: int
    height: int
    text: str
    kind: Kind = "part"

    def edge(self, side: Side) -> tuple[int, int]:
        """The middle of a side."""
        middle = (self.x + self.width // 2, self.y + self.height // 2)
        return {
            "left": (self.x, middle[1]),
            "right": (self.x + self.width, middle[1]),
            "top": (middle[0], self.y),
            "bottom": (middle[0], self.y + self.height),
        }[side]


@dataclass(frozen=True, slots=True)
class Arrow:
    """An arrow from a side of one box to a side of another, with words beside its middle."""

    start: str
    leaves: Side
    end: str
    enters: Side
    label: str = ""


@dataclass(frozen=True, slots=True)
class Diagram:
    """A picture: what it shows in one sentence, its size in pixels, its boxes by name, its arrows."""

    title: str
    width: int
    height: int
    boxes: dict[str, Box]
    arrows: Sequence[Arrow]

    def svg(self) -> str:
        """The picture as a file."""
        size = f'width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}"'
        return "\n".join(
            (
                "<!-- Made by `make generate`; changes belong in devstack/diagrams.py. -->",
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
                f"<title>{escape(self.title)}</title>",
                f"<style>{_STYLE}</style>",
                '<defs><marker id="head" markerWidth="9" markerHeight="9" refX="8" refY="4.5" orient="auto">'
                '<path d="M0 0L9 4.5L0 9z" style="fill:#5f6368;stroke:none;marker-end:none"/></marker></defs>',
                f'<rect width="{self.width}" height="{self.height}" rx="8" style="fill:#fff;stroke:none"/>',
                *(line for box in self.boxes.values() for line in _box(box)),
                *(line for arrow in self.arrows for line in self._arrow(arrow)),
                "</svg>\n",
            )
        )

    def _arrow(self, arrow: Arrow) -> Iterator[str]:
        from_x, from_y = self.boxes[arrow.start].edge(arrow.leaves)
        to_x, to_y = self.boxes[arrow.end].edge(arrow.enters)
        yield f'<path d="M{from_x} {from_y}L{to_x} {to_y}"/>'
        if arrow.label:
            x, y = (from_x + to_x) // 2, (from_y + to_y) // 2
            beside = 'style="text-anchor:start" ' if from_x == to_x else ""
            at = (x + 6, y + 4) if from_x == to_x else (x, y - 6)
            yield f'<text class="small" {beside}x="{at[0]}" y="{at[1]}">{escape(arrow.label)}</text>'


def _box(box: Box) -> Iterator[str]:
    dashed = ";stroke-dasharray:5 4" if box.kind == "group" else ""
    yield (
        f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="6" '
        f'style="fill:{_FILLS[box.kind]}{dashed}"/>'
    )
    lines = box.text.split("\n")
    x = box.x + box.width // 2
    # The name of a group stands above what is in it.
    above = box.y + 20 if box.kind == "group" else box.y + box.height // 2 - (len(lines) - 1) * _LINE_HEIGHT // 2 + 5
    for number, line in enumerate(lines):
        looks = "small inside" if number else "caption"
        yield f'<text class="{looks}" x="{x}" y="{above + number * _LINE_HEIGHT}">{escape(line)}</text>'


FLOW = Diagram(
    "How a change becomes true: watch, queue, observe, plan, apply, report",
    920,
    350,
    {
        "api": Box(20, 60, 120, 60, "API server\nKubernetes", "store"),
        "kopf": Box(210, 60, 120, 60, "watch\nkube: kopf"),
        "queue": Box(400, 60, 120, 60, "work queue\ncontroller"),
        "sweep": Box(400, 170, 120, 60, "sweep\nlists everything"),
        "reconcile": Box(560, 20, 340, 225, "one reconcile", "group"),
        "observe": Box(580, 60, 140, 60, "observe\none read of a store"),
        "plan": Box(770, 60, 110, 60, "plan\ndomain, pure", "pure"),
        "apply": Box(770, 170, 110, 60, "apply\none write each"),
        "report": Box(580, 170, 140, 60, "report\nwhat was confirmed", "pure"),
        "status": Box(580, 285, 140, 50, "API server\nstatus, if it differs", "store"),
        "stores": Box(750, 285, 150, 50, "MongoDB, Qdrant\nread back", "store"),
    },
    (
        Arrow("api", "right", "kopf", "left", "events"),
        Arrow("kopf", "right", "queue", "left", "key"),
        Arrow("sweep", "top", "queue", "bottom", "key"),
        Arrow("queue", "right", "observe", "left"),
        Arrow("observe", "right", "plan", "left"),
        Arrow("plan", "bottom", "apply", "top", "actions"),
        Arrow("plan", "bottom", "report", "top", "nothing left"),
        Arrow("report", "bottom", "status", "top"),
        Arrow("apply", "bottom", "stores", "top"),
    ),
)

OWNERSHIP = Diagram(
    "Three records say who owns a namespace; all must agree before anything is written",
    860,
    280,
    {
        "people": Box(20, 100, 150, 70, "Namespace\nspec: what is wanted", "people"),
        "operator": Box(250, 100, 150, 70, "operator\nreads all three", "part"),
        "document": Box(
            500, 20, 340, 65, "MongoDB: namespace document\nowner, id, claims on name and collection", "store"
        ),
        "mark": Box(
            500, 105, 340, 65, "Qdrant: mark in the collection's metadata\ninstance, organization, incarnation", "store"
        ),
        "status": Box(500, 190, 340, 65, "Kubernetes: status of the object\nnamespaceId, collection", "store"),
    },
    (
        Arrow("people", "right", "operator", "left"),
        Arrow("operator", "right", "document", "left"),
        Arrow("operator", "right", "mark", "left"),
        Arrow("operator", "right", "status", "left"),
    ),
)

SHARING = Diagram(
    "Three Namespaces share one collection: each has its points, one document says who is a member",
    860,
    300,
    {
        "a": Box(20, 30, 150, 55, "Namespace a\nteam-search", "people"),
        "b": Box(20, 120, 150, 55, "Namespace b\nteam-search", "people"),
        "c": Box(20, 210, 150, 55, "c, deleted\nretained", "people"),
        "shared": Box(
            270,
            95,
            220,
            105,
            "MongoDB: one document\nmembers a, b, c\ntheir vectors and indexes\nactive, or deleting",
            "store",
        ),
        "collection": Box(590, 20, 250, 260, "Qdrant: one collection", "group"),
        "pa": Box(620, 60, 190, 50, "points of a\nnamespace_id = a", "store"),
        "pb": Box(620, 130, 190, 50, "points of b\nnamespace_id = b", "store"),
        "pc": Box(620, 200, 190, 50, "points of c, kept\nnamespace_id = c", "store"),
    },
    (
        Arrow("a", "right", "shared", "left", "joins"),
        Arrow("b", "right", "shared", "left"),
        Arrow("c", "right", "shared", "left"),
        Arrow("shared", "right", "collection", "left", "union"),
    ),
)

DRIFT = Diagram(
    "What becomes of a difference between spec and stores",
    860,
    250,
    {
        "found": Box(20, 90, 150, 70, "a difference\nby event or check", "people"),
        "ours": Box(240, 90, 160, 70, "is it ours?\nmark, document, server", "pure"),
        "safe": Box(470, 90, 160, 70, "can it be put back\nwithout losing anything?", "pure"),
        "back": Box(690, 30, 150, 60, "put back\nevent if it shows", "part"),
        "told": Box(690, 160, 150, 60, "reported\nreason, ways out", "part"),
        "left": Box(240, 190, 160, 45, "left alone, reported", "part"),
    },
    (
        Arrow("found", "right", "ours", "left"),
        Arrow("ours", "right", "safe", "left", "yes"),
        Arrow("ours", "bottom", "left", "top", "no"),
        Arrow("safe", "right", "back", "left", "yes"),
        Arrow("safe", "right", "told", "left", "no"),
    ),
)

DIAGRAMS = {"flow": FLOW, "ownership": OWNERSHIP, "sharing": SHARING, "drift": DRIFT}
"""Every diagram by the name of its file in docs/diagrams."""
