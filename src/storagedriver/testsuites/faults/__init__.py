"""What can go wrong with a remote store: requests that fail, answers that are none, and the kills of a process.

A driver's whole test module is::

    from mine import CAPABILITIES, make
    from storagedriver.testsuites.faults import fault_suite

    TestFaults = fault_suite("mine", make, CAPABILITIES, "http://127.0.0.1:9000", part=1 << 20)
"""

from storagedriver.testsuites.faults.answers import answer_suite
from storagedriver.testsuites.faults.kill_suite import kill_suite
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.faults.states import FaultFoundError
from storagedriver.testsuites.faults.suite import Known, fault_suite

__all__ = ["FaultFoundError", "FaultProxy", "Known", "answer_suite", "fault_suite", "kill_suite"]
