"""The network policy: off unless asked for, and open to no more than the operator needs."""

from typing import Any

import pytest

from tests.chart.rendering import NAMESPACE, Chart, ChartRefusedError, Manifest, Rendered, with_required

MONITORING = {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}
SOMEWHERE = [{"ipBlock": {"cidr": "10.1.0.0/16"}}]


def policy(chart: Chart, **values: Any) -> Manifest:
    """The spec of the only policy, with these values beside those of the policy."""
    network = {"enabled": True, **values.pop("networkPolicy", {})}
    rendered = chart.render(with_required({"networkPolicy": network, **values}))
    spec: Manifest = rendered.one("NetworkPolicy")["spec"]
    assert spec["podSelector"]["matchLabels"].items() <= labels_of_the_pod(rendered).items()
    return spec


def labels_of_the_pod(rendered: Rendered) -> dict[str, str]:
    labels: dict[str, str] = rendered.one("Deployment")["spec"]["template"]["metadata"]["labels"]
    return labels


def ports(rule: Manifest) -> list[tuple[str, int | str]]:
    return [(port["protocol"], port["port"]) for port in rule["ports"]]


def test_none_unless_asked_for(rendered: Rendered) -> None:
    assert not rendered.all("NetworkPolicy")


def test_it_closes_both_directions_but_for_what_the_operator_needs(chart: Chart) -> None:
    spec = policy(chart)
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["ingress"] == []
    assert [ports(rule) for rule in spec["egress"]] == [
        [("UDP", 53), ("TCP", 53)],
        [("TCP", 443), ("TCP", 6443)],
        [("TCP", 6333)],
        [("TCP", 27017)],
    ]
    assert not [rule for rule in spec["egress"] if "to" in rule], "any address"


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("http://qdrant.qdrant.svc:6333", 6333),
        ("https://qdrant.example.com", 443),
        ("http://qdrant.example.com/behind/a/proxy", 80),
        ("https://[2001:db8::1]:7443/", 7443),
        ("https://[2001:db8::1]", 443),
    ],
)
def test_qdrants_port_is_that_of_its_url(chart: Chart, url: str, port: int) -> None:
    assert ports(policy(chart, qdrant={"url": url})["egress"][2]) == [("TCP", port)]


def test_the_port_of_the_pods_may_be_another(chart: Chart) -> None:
    network = {"qdrant": {"ports": [6333, "rest"]}}
    rule = policy(chart, qdrant={"url": "http://qdrant"}, networkPolicy=network)["egress"][2]
    assert ports(rule) == [("TCP", 6333), ("TCP", "rest")]


def test_peers_narrow_each_rule_alone(chart: Chart) -> None:
    names = ("dns", "apiServer", "qdrant", "mongodb")
    peers = {name: [{"ipBlock": {"cidr": f"10.{index}.0.0/16"}}] for index, name in enumerate(names)}
    spec = policy(chart, networkPolicy={name: {"to": to} for name, to in peers.items()})
    assert [rule["to"] for rule in spec["egress"]] == list(peers.values())
    spec = policy(chart, networkPolicy={"qdrant": {"to": SOMEWHERE}})
    assert [rule.get("to") for rule in spec["egress"]] == [None, None, SOMEWHERE, None]


def test_further_rules_are_added_as_they_are(chart: Chart) -> None:
    further = [{"ports": [{"port": 3128, "protocol": "TCP"}]}, {"to": SOMEWHERE}]
    spec = policy(chart, networkPolicy={"extraEgress": further})
    assert len(spec["egress"]) == 6
    assert spec["egress"][4:] == further


def test_metrics_are_read_from_chosen_namespaces(chart: Chart) -> None:
    (rule,) = policy(chart, networkPolicy={"metrics": {"namespaceSelector": MONITORING}})["ingress"]
    assert rule["from"] == [{"namespaceSelector": MONITORING}]
    assert ports(rule) == [("TCP", 8080)]
    pods = {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}
    network = {"metrics": {"namespaceSelector": MONITORING, "podSelector": pods}}
    (rule,) = policy(chart, networkPolicy=network)["ingress"]
    # One peer with both selectors; two peers would let in either.
    assert rule["from"] == [{"namespaceSelector": MONITORING, "podSelector": pods}]


@pytest.mark.parametrize("name", ["dns", "apiServer", "mongodb"])
def test_a_rule_without_ports_would_open_all_of_them(chart: Chart, name: str) -> None:
    with pytest.raises(ChartRefusedError, match="ports must not be empty"):
        policy(chart, networkPolicy={name: {"ports": []}})


def test_no_service_and_no_monitor_unless_asked_for(rendered: Rendered) -> None:
    assert not rendered.all("Service")
    assert not rendered.all("ServiceMonitor")


def test_the_service_leads_to_the_operators_pod_alone(chart: Chart) -> None:
    rendered = chart.render(with_required({"metrics": {"service": {"enabled": True}}}))
    assert not rendered.all("ServiceMonitor")
    spec = rendered.one("Service")["spec"]
    assert spec["selector"].items() <= labels_of_the_pod(rendered).items()
    assert not [pod for pod in rendered.hooks if spec["selector"].items() <= pod["metadata"]["labels"].items()]
    (port,), (target,) = spec["ports"], rendered.container["ports"]
    assert (port["name"], port["targetPort"]) == ("metrics", target["name"])
    assert spec["publishNotReadyAddresses"] is True


def test_a_monitor_finds_the_service_and_brings_it_along(chart: Chart) -> None:
    monitoring = {"enabled": True, "interval": "15s", "labels": {"release": "prometheus", "helm.sh/chart": "mine"}}
    rendered = chart.render(with_required({"metrics": {"serviceMonitor": monitoring}}))
    service, monitor = rendered.one("Service"), rendered.one("ServiceMonitor")
    assert service["metadata"]["namespace"] == monitor["metadata"]["namespace"] == NAMESPACE
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint == {"port": service["spec"]["ports"][0]["name"], "path": "/metrics", "interval": "15s"}
    assert monitor["metadata"]["labels"].items() >= {"release": "prometheus", "helm.sh/chart": "mine"}.items()


def test_prometheus_chooses_the_interval_unless_told(chart: Chart) -> None:
    rendered = chart.render(with_required({"metrics": {"serviceMonitor": {"enabled": True}}}))
    (endpoint,) = rendered.one("ServiceMonitor")["spec"]["endpoints"]
    assert "interval" not in endpoint
