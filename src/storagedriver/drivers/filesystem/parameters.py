"""The parameters of the driver ``filesystem``."""

from __future__ import annotations

from dataclasses import dataclass

from storagedriver.parameters import NamingParameters, integer, string

__all__ = ["FilesystemParameters"]


@dataclass(frozen=True)
class FilesystemParameters(NamingParameters):
    """The parameters of the driver.

    Attributes
    ----------
    rootdirectory : str
        The directory below which everything is; it is made at the first
        write.
    maxthreads : int
        How many calls run at a time; less than 25 is raised to 25.
    """

    rootdirectory: str = string("/var/lib/registry")
    maxthreads: int = integer(100, minimum=0, raised_to=25)
