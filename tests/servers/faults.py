"""The fault proxy of `storagedriver.testsuites.faults`, under the name that the tests of the servers use."""

from storagedriver.testsuites.faults.actions import (
    Action,
    Answer,
    CutReply,
    CutRequest,
    Delay,
    Gather,
    Hang,
    LoseReply,
    Pass,
)
from storagedriver.testsuites.faults.proxy import FaultProxy, Request, Rule

__all__ = [
    "Action",
    "Answer",
    "CutReply",
    "CutRequest",
    "Delay",
    "FaultProxy",
    "Gather",
    "Hang",
    "LoseReply",
    "Pass",
    "Request",
    "Rule",
]
