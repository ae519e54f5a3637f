"""Qdrant and MongoDB: the only code that talks to them, behind small protocols."""
