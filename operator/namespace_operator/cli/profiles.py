"""What the platform sets in files of the chart: the catalog, the tiers' profiles, and how RayClusters are made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from namespace_operator.api.base import field_errors
from namespace_operator.cli.settings import Settings
from namespace_operator.domain.catalog import Catalog, CatalogError, builtin_catalog_text
from namespace_operator.domain.profiles import Tiers, TiersError, builtin_tiers, load_tiers, overlay_tiers
from namespace_operator.domain.ray import RayOptions
from namespace_operator.domain.ray_manifest import DEFAULT_GPU_RESOURCE, GpuType


class RayOptionsError(ValueError):
    """The file with the Ray options cannot be used. The message names the field."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)


class _GpuType(_Part):
    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: tuple[dict[str, Any], ...] = ()
    resource: Annotated[str, Field(min_length=1)] = DEFAULT_GPU_RESOURCE


class _RayFile(_Part):
    template: dict[str, Any] | None = None
    gpu_types: dict[str, _GpuType] = Field(default_factory=dict)


def load_catalog(settings: Settings) -> Catalog:
    """The catalog the settings name, or the built-in one. Raises ``CatalogError``."""
    path = settings.catalog_path
    if path is None:
        return Catalog.load(builtin_catalog_text())
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"the catalog {path} cannot be read ({type(error).__name__}); check NAMESPACE_OPERATOR_CATALOG_PATH"
        raise CatalogError(message) from error
    return Catalog.load(text)


def load_profiles(settings: Settings) -> Tiers:
    """The packaged profiles of the tiers, with what the settings name laid over them. Raises ``TiersError``."""
    path = settings.tiers_path
    if path is None:
        return builtin_tiers()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"the tiers {path} cannot be read ({type(error).__name__}); check NAMESPACE_OPERATOR_TIERS_PATH"
        raise TiersError(message) from error
    return overlay_tiers(builtin_tiers(), load_tiers(text))


def load_ray(settings: Settings) -> RayOptions:
    """The Ray options that the settings name; without a file no RayCluster is made. Raises ``RayOptionsError``."""
    return RayOptions() if settings.ray_path is None else _read_ray(settings.ray_path)


def _read_ray(path: Path) -> RayOptions:
    try:
        file = _RayFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (OSError, UnicodeDecodeError) as error:
        message = f"the Ray options {path} cannot be read ({type(error).__name__}); check NAMESPACE_OPERATOR_RAY_PATH"
        raise RayOptionsError(message) from error
    except yaml.YAMLError as error:
        raise RayOptionsError(f"the Ray options {path} are no YAML: {error}") from error
    except ValidationError as error:
        problems = "; ".join(map(str, field_errors(error)))
        raise RayOptionsError(f"the Ray options {path} are not usable: {problems}") from error
    kinds = {
        name: GpuType(kind.node_selector, kind.tolerations, kind.resource) for name, kind in file.gpu_types.items()
    }
    return RayOptions(file.template or None, kinds)
