"""Moving what a driver stores to another driver: a registry in an order that keeps it whole, or any tree.

::

    from storagedriver import factory
    from storagedriver.transfer import transfer

    source = factory.create("filesystem", {"rootdirectory": "/var/lib/registry"})
    report = transfer(source, factory.create("s3", {"bucket": "registry", "region": "eu-west-1"}))
    report.raise_for_failures()

See docs/transfer.md.
"""

from __future__ import annotations

from storagedriver.transfer.cluster import Cluster, MakeDriver, pickled
from storagedriver.transfer.options import STAGING, Options, TransferRefusedError, Verify
from storagedriver.transfer.report import Action, Finding, IncompleteTransferError, Progress, Report
from storagedriver.transfer.run import Transfer, transfer

__all__ = [
    "STAGING",
    "Action",
    "Cluster",
    "Finding",
    "IncompleteTransferError",
    "MakeDriver",
    "Options",
    "Progress",
    "Report",
    "Transfer",
    "TransferRefusedError",
    "Verify",
    "pickled",
    "transfer",
]
