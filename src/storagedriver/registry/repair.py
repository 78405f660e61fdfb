"""Mending what can be mended without losing anything: links that are empty or missing, from what names them."""

from __future__ import annotations

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.registry.contents import fault_of
from storagedriver.registry.findings import Finding

__all__ = ["repair"]


def repair(driver: StorageDriver, finding: Finding) -> bool:
    """Write the link that a finding is about.

    Parameters
    ----------
    driver : StorageDriver
        The storage.
    finding : Finding
        What `verify` found.

    Returns
    -------
    bool
        Whether it was written. It is not if the finding says nothing that may
        be written, or if the link holds something by now.

    Raises
    ------
    StorageDriverError
        If the link cannot be read or written.
    """
    if not finding.repair:
        return False
    try:
        content = driver.get_content(finding.path)
    except PathNotFoundError:
        if finding.kind != "tag_without_current":
            return False
    else:
        if fault_of(content, "")[1] != "empty":
            return False
    driver.put_content(finding.path, finding.repair.encode("ascii"))
    return True
