"""Drivers with one fault each, and the cases that must find it."""

from tests.broken import contents, objects, trees, uploads
from tests.broken.table import BROKEN, SECRET

__all__ = ["BROKEN", "SECRET", "contents", "objects", "trees", "uploads"]
