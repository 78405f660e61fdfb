"""The example behind a proxy that breaks its requests and its answers."""

from __future__ import annotations

import pytest

from storagedriver.driver import StorageDriver
from storagedriver.testsuites.faults import answer_suite, fault_suite, kill_suite
from tests.examples.test_conformance import CAPABILITIES, make
from tests.examples.tinystore_server import TinyServer

PART = 5 << 20


def _behind(endpoint: str, timeout: float, tinystore: TinyServer, rootdirectory: str) -> StorageDriver:
    return make(tinystore, rootdirectory, url=endpoint, timeout=timeout)


def _in_a_root(tinystore: TinyServer, rootdirectory: str) -> StorageDriver:
    return make(tinystore, rootdirectory)


TestAnswers = answer_suite("tinystore", _behind, lambda tinystore: tinystore.url)
# Its uploads are those of s3, which ordinary runs try.
TestFaults = pytest.mark.slow(
    fault_suite("tinystore", _behind, CAPABILITIES, lambda tinystore: tinystore.url, part=PART)
)
TestKills = pytest.mark.slow(kill_suite("tinystore", _in_a_root, part=PART))
