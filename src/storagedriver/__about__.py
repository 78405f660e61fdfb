"""The version, for those who must not import the whole package."""

from importlib.metadata import version

__all__ = ["VERSION"]

VERSION = version("storagedriver")
