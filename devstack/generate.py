"""Write the files that are made from models, catalog and reasons: `python -m devstack.generate [--check]`."""

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from devstack import field_reference
from devstack.catalog_page import catalog_page
from devstack.chart_readme import readme
from devstack.command_page import command_page
from devstack.dashboards.grafana import rendered as rendered_dashboard
from devstack.dashboards.model import load_all as all_dashboards
from devstack.dashboards.page import dashboards_page
from devstack.diagrams import DIAGRAMS
from devstack.metrics_page import metrics_page
from devstack.paths import CHART
from devstack.vocabulary_reference import annotations_page, events_page
from namespace_operator.api.crd import CLUSTERS, DEFINITIONS, NAMESPACES, Definition, custom_resource_definition
from namespace_operator.domain.catalog import Catalog, builtin_catalog_text
from namespace_operator.domain.cluster_reasons import (
    CLUSTER_CONDITIONS,
    CLUSTER_PIPELINE,
    CLUSTER_REASONS,
    ClusterCondition,
)
from namespace_operator.domain.conditions import CONDITIONS, PIPELINE, REASONS, ConditionType, Reason, Retry

ROOT = Path(__file__).resolve().parent.parent
_HEADER = "# Made by `make generate`; changes belong in operator/namespace_operator/{source}.\n"

_CONDITIONS_PAGE = """\
<!-- Made by `make generate`; changes belong in operator/namespace_operator/domain/reasons.py. -->
# Conditions and reasons

`kubectl get mns` shows the reason of `Ready`, `kubectl describe mns NAME` all conditions with their messages. A message
names the field, the value and the remedy of this very case; this page says what each reason means in general.

A condition is `True` after the stores confirmed it, never before. `False` says that something is wrong, `Unknown` that
it could not be found out. The conditions stand in the order of the work:
{pipeline}. Where a problem ends the work, those behind it are
`Unknown` with the same reason and a message that begins with "Not examined". A condition with several problems has the
reason of the first; its message has all of them.

Every namespace is looked at again when its object changes and after the resync interval (5 minutes by default). The
column "looked at again" says what comes on top: with *back-off* it is sooner, first within a second and then
ever more rarely, up to the resync interval.

{sections}
## Ready

{ready}
It is `True`, with reason `{ready_reason}`, when the conditions above are. Otherwise it is `False` with the reason and
the message of the first problem; the messages of the others follow, separated by ` | `. It is never `Unknown`: a
namespace of which nothing is known is not ready.

## Paused

{paused}
The condition is there, and `True`, only while that is so, and is no part of `Ready`. All other conditions stay as they
were last found and keep their `observedGeneration`; drift and new changes wait until the annotation is gone.

## ExpiringSoon

{expiring_soon}
The condition is there, and `True`, only while the warning stands, and is no part of `Ready`: until the end everything
goes on as before. An event of the same reason comes with it. [expiry.md](expiry.md) tells when.

## Waiting and searching

```sh
kubectl wait --for=condition=Ready mns/articles --timeout=2m
kubectl wait --for=condition=Ready mns --all --timeout=5m
kubectl wait --for=condition=CollectionReady mns/articles

kubectl annotate mns articles mixpeek.com/paused=true
kubectl wait --for=condition=Paused mns/articles
kubectl annotate mns articles mixpeek.com/paused-

kubectl wait --for=jsonpath='{{.status.conditions[?(@.type=="Ready")].reason}}'=Ready mns/articles
kubectl get mns -A -o json | jq -r '.items[] | . as $o | .status.conditions[]? | select(.type == "Ready" and
  .status != "True") | [$o.metadata.namespace, $o.metadata.name, .reason] | @tsv'
```

`kubectl wait --for=condition` compares the condition's `observedGeneration` with the object: right after an apply it
waits for the new spec and is not content with what was true of the old one. With `--for=jsonpath` it does not.
"""


_CLUSTER_PAGE = """\
<!-- Made by `make generate`; changes belong in operator/namespace_operator/domain/cluster_reasons.py. -->
# Conditions and reasons of an InfrastructureCluster

`kubectl get iclstr` shows the reason of `Ready`, `kubectl describe iclstr NAME` all conditions with their messages. The
server is looked at every 30 seconds, and at once when the object or one of its Secrets changes. A condition that could
not be examined is `Unknown`, with the reason that kept it from it. What a failing server means for a Namespace on it is
in [conditions.md](conditions.md).

{sections}"""


class _Dumper(yaml.SafeDumper):
    """Anchors would make the file smaller and unreadable."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _manifest(manifest: Mapping[str, Any]) -> str:
    text = yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)
    return _HEADER.format(source="api/") + str(text)


def _chart_manifest(definition: Definition) -> str:
    manifest = custom_resource_definition(definition)
    # Uninstalling the chart must not take every object of the kind with it.
    manifest["metadata"]["annotations"]["helm.sh/resource-policy"] = "keep"
    text = _manifest(manifest).replace("{{", '{{ "{{" }}')
    return f"{{{{- if .Values.crds.install }}}}\n{text}{{{{- end }}}}\n"


def conditions_page() -> str:
    """docs/conditions.md: every condition and every reason, from the tables in `domain/reasons.py`."""
    return _CONDITIONS_PAGE.format(
        pipeline=", ".join(f"`{kind}`" for kind in PIPELINE),
        sections="\n".join(_condition_section(kind) for kind in PIPELINE),
        ready=CONDITIONS[ConditionType.READY].meaning,
        ready_reason=CONDITIONS[ConditionType.READY].reason,
        paused=CONDITIONS[ConditionType.PAUSED].meaning,
        expiring_soon=CONDITIONS[ConditionType.EXPIRING_SOON].meaning,
    )


def _condition_section(kind: ConditionType) -> str:
    info = CONDITIONS[kind]
    lines = [
        f"## {kind}",
        "",
        f"{info.meaning} While it is `True` its reason is `{info.reason}`: {info.message}.",
        "",
        "| reason | sets | meaning | who must act | what to do | looked at again |",
        "|---|---|---|---|---|---|",
        *(_reason_row(reason) for reason, entry in REASONS.items() if entry.condition is kind),
    ]
    return "\n".join(lines) + "\n"


def _reason_row(reason: Reason) -> str:
    info = REASONS[reason]
    again = "back-off" if info.retry is Retry.BACKOFF else "resync"
    # In small letters, as the anchors are that GitHub makes of headings.
    name = f'<a id="{reason.lower()}"></a>`{reason}`'
    cells = (name, f"`{info.condition}={info.status}`", info.meaning, info.who, info.remedy, again)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def cluster_conditions_page() -> str:
    """docs/cluster-conditions.md: the same of an InfrastructureCluster, from `domain/cluster_reasons.py`."""
    kinds = (*CLUSTER_PIPELINE, ClusterCondition.READY)
    return _CLUSTER_PAGE.format(sections="\n".join(_cluster_section(kind) for kind in kinds))


def _cluster_section(kind: ClusterCondition) -> str:
    info = CLUSTER_CONDITIONS[kind]
    lines = [
        f"## {kind}",
        "",
        f"{info.meaning} While it is `True` its reason is `{info.reason}`: {info.message}.",
        "",
        "| reason | meaning | who must act | what to do |",
        "|---|---|---|---|",
        *(
            f'| <a id="{reason.lower()}"></a>`{reason}` | {entry.meaning} | {entry.who} | {entry.remedy} |'
            for reason, entry in CLUSTER_REASONS.items()
            if entry.condition is kind
        ),
    ]
    return "\n".join(lines) + "\n"


def chart_page() -> str:
    """The chart's README, from its own values and their schema."""
    texts = [(CHART / name).read_text(encoding="utf-8") for name in ("Chart.yaml", "values.yaml", "values.schema.json")]
    return readme(*texts)


def values_page() -> str:
    """docs/reference/values.md: the values of the chart's README, as a page of the site."""
    header, _, values = chart_page().partition("\n## Values\n")
    note, _, _ = header.partition("\n")
    values = re.sub(r"\bdocs/([\w-]+\.md)", _linked, values)
    return f"{note}\n# Values of the chart\n{values}"


def _linked(page: re.Match[str]) -> str:
    return f"[{page[1]}](../{page[1]})" if (ROOT / page[0]).is_file() else page[0]


def generated_files() -> dict[Path, str]:
    """Content of every generated file by its path in the repository."""
    definitions = {
        Path("crds", f"{definition.name}.yaml"): _manifest(custom_resource_definition(definition))
        for definition in DEFINITIONS
    }
    dashboards = {
        Path("helm/namespace-operator/files/dashboards", f"{name}.json"): rendered_dashboard(dashboard)
        for name, dashboard in all_dashboards().items()
    }
    pages = {
        Path("helm/namespace-operator/templates/crd.yaml"): _chart_manifest(NAMESPACES),
        Path("helm/namespace-operator/templates/crd-clusters.yaml"): _chart_manifest(CLUSTERS),
        Path("helm/namespace-operator/files/catalog.yaml"): (
            _HEADER.format(source="domain/catalog.yaml") + builtin_catalog_text()
        ),
        Path("helm/namespace-operator/README.md"): chart_page(),
        Path("docs/conditions.md"): conditions_page(),
        Path("docs/cluster-conditions.md"): cluster_conditions_page(),
        Path("docs/command.md"): command_page(),
        Path("docs/reference/namespace.md"): field_reference.page(NAMESPACES),
        Path("docs/reference/infrastructure-cluster.md"): field_reference.page(CLUSTERS),
        Path("docs/reference/catalog.md"): catalog_page(Catalog.load(builtin_catalog_text())),
        Path("docs/reference/annotations.md"): annotations_page(),
        Path("docs/reference/events.md"): events_page(),
        Path("docs/reference/values.md"): values_page(),
        **{Path("docs/diagrams", f"{name}.svg"): diagram.svg() for name, diagram in DIAGRAMS.items()},
        Path("docs/metrics.md"): metrics_page(),
        Path("docs/dashboards.md"): dashboards_page(),
    }
    return definitions | dashboards | pages


def stale_files(root: Path) -> list[Path]:
    """The generated files below `root` that are missing or differ from their source."""

    def differs(path: Path, content: str) -> bool:
        present = root / path
        return not present.is_file() or present.read_text(encoding="utf-8") != content

    return [path for path, content in generated_files().items() if differs(path, content)]


def write_files(root: Path) -> list[Path]:
    """Bring all generated files below `root` up to date; returns those that were not."""
    stale = stale_files(root)
    content = generated_files()
    for path in stale:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content[path], encoding="utf-8")
    return stale


def main() -> int:
    """Write the files, or with --check name those that are out of date and exit 1."""
    parser = argparse.ArgumentParser(prog="python -m devstack.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is out of date")
    if not parser.parse_args().check:
        for path in write_files(ROOT):
            print(f"written: {path}")
        return 0
    stale = stale_files(ROOT)
    for path in stale:
        print(f"out of date: {path}; run `make generate`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
