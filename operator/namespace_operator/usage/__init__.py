"""How query services tell which fields they filter by. Needs pymongo, and nothing of the operator's machinery."""

from namespace_operator.usage.filters import used_fields
from namespace_operator.usage.recorder import Recorder, Stats

__all__ = ["Recorder", "Stats", "used_fields"]
