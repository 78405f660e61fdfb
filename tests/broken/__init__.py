"""Drivers with one fault each, and the cases that must find it."""

from tests.broken import conflicts, contents, endless, neighbours, objects, trees, uploads
from tests.broken.table import BROKEN, SECRET

__all__ = ["BROKEN", "SECRET", "conflicts", "contents", "endless", "neighbours", "objects", "trees", "uploads"]
