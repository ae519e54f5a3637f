"""Objects, good and bad, with the verdict that both the models and the API server must give on them."""

from tests.unit.api.case import Case, Change, Refusal
from tests.unit.api.cases_clusters import CLUSTER_CASES, CLUSTER_CHANGES
from tests.unit.api.cases_indexes import INDEX_CASES, INDEX_CHANGES
from tests.unit.api.cases_infrastructure import INFRASTRUCTURE_CASES, INFRASTRUCTURE_CHANGES
from tests.unit.api.cases_nulls import NULL_CASES
from tests.unit.api.cases_spec import SPEC_CASES, SPEC_CHANGES
from tests.unit.api.cases_upkeep import UPKEEP_CASES, UPKEEP_CHANGES
from tests.unit.api.cases_vectors import VECTOR_CASES, VECTOR_CHANGES

__all__ = ["CASES", "CHANGES", "Case", "Change", "Refusal"]

CASES: tuple[Case, ...] = (
    *SPEC_CASES,
    *VECTOR_CASES,
    *INDEX_CASES,
    *INFRASTRUCTURE_CASES,
    *CLUSTER_CASES,
    *UPKEEP_CASES,
    *NULL_CASES,
)
CHANGES: tuple[Change, ...] = (
    *SPEC_CHANGES,
    *VECTOR_CHANGES,
    *INDEX_CHANGES,
    *INFRASTRUCTURE_CHANGES,
    *CLUSTER_CHANGES,
    *UPKEEP_CHANGES,
)
