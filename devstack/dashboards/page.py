"""The page of the dashboards in the docs, with what each panel is for."""

from __future__ import annotations

from devstack.dashboards.model import Dashboard, Panel, load_all

_PAGE = """\
<!-- Made by `make generate`; changes belong in devstack/dashboards. -->
# Dashboards

Three dashboards for Grafana come with the chart. They are for whoever was woken by an [alert](runbooks/README.md), or
by a user: from *is anything wrong* on the fleet, to the one namespace, to the operator itself. Each panel answers one
question, says in its description what to do about the answer, and links to the runbook where there is one.

```yaml
metrics:
  serviceMonitor: {{enabled: true}}
  stateMetrics: {{enabled: true}}
  dashboards:
    enabled: true
    folder: Mixpeek
```

- Each is a ConfigMap with the label `grafana_dashboard: "1"`, by which the sidecar of Grafana's charts finds it in the
  Kubernetes namespaces that it looks at; `metrics.dashboards.labels` has others. `folder` is written as the annotation
  `grafana_folder`, which the sidecar heeds where its `folderAnnotation` says so; whatever else yours goes by,
  `metrics.dashboards.annotations` has.
- Without the sidecar: `files/dashboards/*.json` of the chart can be imported as they are. They ask for the data source,
  and take nothing for granted of how the operator is scraped but the labels `job`, `instance` and `pod`.
- *Operator* at the top chooses among several operators by `job`. One release with the dashboards is enough for all of
  them: they are the same, down to their ids.
- The panels marked with *ksm* are asked of kube-state-metrics, which has to be told of Namespaces:
  [monitoring](monitoring.md#kube-state-metrics). The operator's own metrics have no series for a single one.
- What is not known is absent, and the panel says `no data`: an operator that does not lead knows of no Namespaces.

The pictures show a minute of a test in which much goes wrong on purpose: a Qdrant server is down for half of it, an
index and a vector are deleted by hand, a collection is lost, two Namespaces have problems that only their authors can
solve, one ends in time and one is held up. Each of the {expressions} expressions of the {panels} panels is asked of a
real Prometheus in that test, and has to have data. What kube-state-metrics would tell comes there from a stand-in that
reads the chart's configuration of it. `make pictures` draws the pictures anew.

{sections}"""


def dashboards_page() -> str:
    """docs/dashboards.md."""
    dashboards = load_all()
    panels = [panel for dashboard in dashboards.values() for panel in dashboard.panels]
    return _PAGE.format(
        expressions=sum(len(panel.targets) for panel in panels),
        panels=len(panels),
        sections="\n".join(_section(name, dashboard) for name, dashboard in dashboards.items()),
    )


def _section(name: str, dashboard: Dashboard) -> str:
    title = dashboard.title.rpartition("/ ")[2]
    lines = [f"## {title}", "", dashboard.about, "", f"![{dashboard.title}](pictures/dashboard-{name}.png)", ""]
    for row in dashboard.rows:
        lines += [f"### {title}: {row.title}", "", "| panel | what it is for |", "|---|---|"]
        lines += [_line(panel) for panel in row.panels]
        lines.append("")
    return "\n".join(lines)


def _line(panel: Panel) -> str:
    runbook = f" [{panel.runbook}](runbooks/{panel.runbook}.md)" if panel.runbook else ""
    asked = " *(ksm)*" if panel.state_metrics else ""
    return f"| {panel.title}{asked} | {panel.why}{runbook} |"
