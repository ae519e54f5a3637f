"""How query services tell which fields they filter by. Needs pymongo, and nothing of the operator's machinery."""
