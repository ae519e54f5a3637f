"""What the platform offers to all namespaces."""

from __future__ import annotations

from dataclasses import dataclass, field

from namespace_operator.domain.catalog import Catalog
from namespace_operator.domain.profiles import Tiers, builtin_tiers
from namespace_operator.domain.ray import RayOptions


@dataclass(frozen=True, slots=True)
class Offer:
    """Extractors, profiles of the tiers and options of RayClusters, as they are at one moment."""

    catalog: Catalog
    tiers: Tiers = field(default_factory=builtin_tiers)
    ray: RayOptions = field(default_factory=RayOptions)
