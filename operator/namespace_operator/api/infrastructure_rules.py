"""The rules of a Namespace's infrastructure beyond types, limits and enums."""

from typing import TYPE_CHECKING

from namespace_operator.api.names import (
    BUCKET_PATTERN,
    COLLECTION_PATTERN,
    DATA_KEY_PATTERN,
    HTTP_URL_PATTERN,
    MARKER_COLLECTION,
    OBJECT_NAME_PATTERN,
    RAY_CLUSTER_ID_PATTERN,
    RAY_URL_PATTERN,
)
from namespace_operator.api.profile import ComputeTier
from namespace_operator.api.rules import Rule, matches

if TYPE_CHECKING:
    from namespace_operator.api.infrastructure import Infrastructure, LocalSecretRef

MIN_WORKERS = 1
MAX_WORKERS = 10
"""Ray workers of a dedicated namespace that says nothing."""

SECRET_NAME_RULE = matches(
    "name",
    OBJECT_NAME_PATTERN,
    "name of a Secret must be lower-case letters, digits, - or dots, as Kubernetes has it",
)
SECRET_KEY_RULE = matches("key", DATA_KEY_PATTERN, "key of a Secret must be letters, digits, -, _ or dots")

LOCAL_SECRET_RULES: "tuple[Rule[LocalSecretRef], ...]" = (SECRET_NAME_RULE, SECRET_KEY_RULE)

_SHARED = f"(!has(self.computeTier) || self.computeTier == '{ComputeTier.SHARED}')"

INFRASTRUCTURE_RULES: "tuple[Rule[Infrastructure], ...]" = (
    matches(
        "qdrantCollection",
        COLLECTION_PATTERN,
        "qdrantCollection must be letters, digits, _, - or dots, beginning with a letter, digit or _",
        optional=True,
    ),
    Rule(
        cel=f"!has(self.qdrantCollection) || self.qdrantCollection != '{MARKER_COLLECTION}'",
        message=f"qdrantCollection {MARKER_COLLECTION} is the operator's own; choose another name",
        check=lambda it: it.qdrant_collection != MARKER_COLLECTION,
        field_path=("qdrantCollection",),
    ),
    Rule(
        cel="!has(self.sharing) || !self.sharing || has(self.qdrantCollection)",
        message="sharing needs the name of the collection that is shared; set qdrantCollection, or sharing: false",
        check=lambda it: not it.sharing or it.qdrant_collection is not None,
        field_path=("sharing",),
    ),
    Rule(
        cel=f"!has(self.sharing) || !self.sharing || {_SHARED}",
        message="sharing is for computeTier shared; set sharing: false, or computeTier: shared",
        check=lambda it: not it.sharing or not it.tier.is_dedicated,
        field_path=("sharing",),
    ),
    matches(
        "qdrantUrl", HTTP_URL_PATTERN, "qdrantUrl must be http(s)://host:port, without user or path", optional=True
    ),
    Rule(
        cel="has(self.qdrantUrl) == has(self.qdrantApiKeySecretRef)",
        message="qdrantUrl and qdrantApiKeySecretRef go together; set both or none",
        check=lambda it: (it.qdrant_url is None) == (it.qdrant_api_key_secret_ref is None),
        field_path=("qdrantUrl",),
    ),
    matches(
        "rayClusterId", RAY_CLUSTER_ID_PATTERN, "rayClusterId must be ray_ and 3-64 letters, digits or _", optional=True
    ),
    matches("rayHeadNodeUrl", RAY_URL_PATTERN, "rayHeadNodeUrl must be ray://host:port", optional=True),
    matches(
        "rayDashboardUrl",
        HTTP_URL_PATTERN,
        "rayDashboardUrl must be http(s)://host:port, without user or path",
        optional=True,
    ),
    Rule(
        cel=(
            f"(has(self.minWorkers) ? self.minWorkers : {MIN_WORKERS})"
            f" <= (has(self.maxWorkers) ? self.maxWorkers : {MAX_WORKERS})"
        ),
        message=(
            f"minWorkers ({MIN_WORKERS} if absent) is greater than maxWorkers ({MAX_WORKERS} if absent); lower it or"
            " raise maxWorkers"
        ),
        check=lambda it: (
            (MIN_WORKERS if it.min_workers is None else it.min_workers)
            <= (MAX_WORKERS if it.max_workers is None else it.max_workers)
        ),
        field_path=("minWorkers",),
    ),
    Rule(
        cel=(
            f"!has(self.computeTier) || self.computeTier != '{ComputeTier.DEDICATED_GPU}'"
            " || (has(self.gpuType) && has(self.gpusPerWorker) && self.gpusPerWorker > 0)"
        ),
        message="computeTier dedicated_gpu needs gpuType and gpusPerWorker of at least 1; set both",
        check=lambda it: (
            it.tier is not ComputeTier.DEDICATED_GPU or (it.gpu_type is not None and bool(it.gpus_per_worker))
        ),
        field_path=("gpuType",),
    ),
    Rule(
        cel=f"!has(self.maxCustomModels) || self.maxCustomModels == 0 || !{_SHARED}",
        message="maxCustomModels above 0 needs a dedicated tier; set it to 0, or computeTier to a dedicated one",
        check=lambda it: not it.max_custom_models or it.tier.is_dedicated,
        field_path=("maxCustomModels",),
    ),
    *(
        matches(
            alias,
            BUCKET_PATTERN,
            f"{alias} must be the name of an S3 bucket: lower-case letters, digits, - or dots",
            optional=True,
        )
        for alias in ("s3VectorBucket", "s3PluginBucket")
    ),
)
