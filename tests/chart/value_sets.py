"""Sets of values that the chart is linted, rendered and shown to the API server with."""

from tests.chart.rendering import REQUIRED, Values, with_required

_FOR_EVERY_POD: Values = {
    "podLabels": {"team": "search"},
    "podAnnotations": {"example.com/scrape": "yes"},
    "priorityClassName": "system-cluster-critical",
    "nodeSelector": {"kubernetes.io/arch": "arm64"},
    "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "platform", "effect": "NoSchedule"}],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}]
            },
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 10,
                    "preference": {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]},
                }
            ],
        },
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 100,
                    "podAffinityTerm": {
                        "topologyKey": "kubernetes.io/hostname",
                        "labelSelector": {"matchLabels": {"app": "qdrant"}},
                        "namespaceSelector": {},
                    },
                }
            ]
        },
    },
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"},
        {
            "maxSkew": 2,
            "minDomains": 2,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
            "nodeTaintsPolicy": "Honor",
        },
    ],
}

VALUE_SETS: dict[str, Values] = {
    "only what is required": REQUIRED,
    "with a Qdrant key, in two Kubernetes namespaces": with_required(
        {
            "qdrant": {"apiKeySecretRef": {"name": "qdrant"}},
            "operator": {"watchNamespaces": ["shop", "search"]},
        }
    ),
    "everything from elsewhere": with_required(
        {
            "serviceAccount": {"create": False, "name": "theirs"},
            "rbac": {"create": False},
            "image": {"repository": "registry.example/operator", "digest": "sha256:" + "0" * 64},
            "imagePullSecrets": [{"name": "registry"}],
            "resources": {},
        }
    ),
    "as a dependency of another chart": with_required({"global": {"domain": "example.com"}}),
    "told where to run": with_required(_FOR_EVERY_POD),
    "with volumes and variables of the user's": with_required(
        {
            "extraVolumes": [
                {"name": "authority", "configMap": {"name": "authority"}},
                {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
                {"name": "more", "projected": {"sources": [{"secret": {"name": "more"}}]}},
            ],
            "extraVolumeMounts": [
                {"name": "authority", "mountPath": "/etc/ssl/private-authority", "readOnly": True},
                {"name": "scratch", "mountPath": "/scratch", "subPath": "operator"},
                {"name": "more", "mountPath": "/more"},
            ],
            "operator": {
                "extraEnv": [
                    {"name": "SSL_CERT_FILE", "value": "/etc/ssl/private-authority/ca.crt"},
                    {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                    {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "more", "key": "token"}}},
                    {"name": "CPUS", "valueFrom": {"resourceFieldRef": {"resource": "requests.cpu"}}},
                ]
            },
        }
    ),
    "with its network closed": with_required(
        {"networkPolicy": {"enabled": True}, "qdrant": {"url": "https://qdrant.example.com"}}
    ),
    "with its network closed to all but those named": with_required(
        {
            "networkPolicy": {
                "enabled": True,
                "dns": {
                    "ports": [53, "dns"],
                    "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
                },
                "apiServer": {"ports": [6443], "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}]},
                "qdrant": {
                    "ports": [6333],
                    "to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"a": "b"}}}],
                },
                "mongodb": {"to": [{"ipBlock": {"cidr": "10.1.0.0/16", "except": ["10.1.2.0/24"]}}]},
                "extraEgress": [{"ports": [{"port": 3128, "protocol": "TCP"}]}, {"to": [{"podSelector": {}}]}],
                "metrics": {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
                    "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
                },
            }
        }
    ),
    "with a Service for its metrics": with_required({"metrics": {"service": {"enabled": True}}}),
    "with a ServiceMonitor": with_required(
        {"metrics": {"serviceMonitor": {"enabled": True, "interval": "15s", "labels": {"release": "prometheus"}}}}
    ),
    "with alerts and kube-state-metrics": with_required(
        {
            "metrics": {
                "runbookUrl": "https://runbooks.example/search/{alert}/",
                "prometheusRule": {
                    "enabled": True,
                    "labels": {"release": "prometheus"},
                    "alertLabels": {"team": "search"},
                    "alerts": {
                        "MixpeekOrphanedData": {"enabled": False},
                        "MixpeekNamespaceStuck": {"for": "30m", "severity": "critical"},
                        "MixpeekQueueBacklog": {
                            "expr": "max by (job, queue) (namespace_operator_queue_oldest_seconds) > 60"
                        },
                    },
                },
                "stateMetrics": {"enabled": True, "labels": {"team": "search"}},
            }
        }
    ),
    "with dashboards, in a folder": with_required(
        {
            "metrics": {
                "dashboards": {
                    "enabled": True,
                    "labels": {"grafana_dashboard": "yes", "team": "search"},
                    "annotations": {"k8s-sidecar-target-directory": "/tmp/dashboards/mixpeek"},
                    "folder": "Mixpeek",
                }
            }
        }
    ),
    "without rights for users": with_required({"rbac": {"aggregate": False}}),
    "without policies, which stand elsewhere": with_required(
        {"admissionPolicies": {"enabled": False, "enforcedElsewhere": True}}
    ),
    "with every Secret, tiers and Ray": with_required(
        {
            "secretAccess": {"clusterWide": True, "secrets": [{"namespace": "platform", "names": ["qdrant-a"]}]},
            "allowedEndpoints": ["*.qdrant.example.com:6333", "[2001:db8::1]:*"],
            "tiers": {"shared": {"collection": {"segmentNumber": 2, "hnsw": {"m": 8}}, "maxNamespaces": 100}},
            "ray": {
                "template": {"headGroupSpec": {}, "workerGroupSpecs": [{"groupName": "workers"}]},
                "gpuTypes": {"A100": {"tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}]}},
            },
        }
    ),
    "a single replica, with a longer Lease": with_required(
        {"operator": {"replicas": 1}, "lease": {"durationSeconds": 30, "renewDeadlineSeconds": 20, "retrySeconds": 4}}
    ),
    "three replicas, anywhere": with_required(
        {"operator": {"replicas": 3}, "podDisruptionBudget": {"maxUnavailable": "50%"}, "topologySpreadConstraints": []}
    ),
    "beside another release, which brings the definitions": with_required(
        {"crds": {"install": False}, "operator": {"watchNamespaces": ["shop"], "instanceName": "shop"}}
    ),
    "named otherwise, with no test": with_required(
        {"fullnameOverride": "mixpeek", "nameOverride": "mixpeek", "selfTest": {"enabled": False}}
    ),
}
