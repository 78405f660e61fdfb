"""Checksums of contents that are written, and of those that are read as a whole."""

from __future__ import annotations

import base64
from typing import Any, ClassVar

import pytest

from storagedriver.errors import IntegrityError
from storagedriver.testsuites.faults.actions import Answer
from storagedriver.testsuites.helpers import pattern, upload
from tests.azure.conftest import MakeAzure
from tests.integrity import DamagedReads, MakeChecked
from tests.servers.azurite import AzuriteServer
from tests.servers.plugin import StartProxy


@pytest.fixture
def make_checked(make_azure: MakeAzure, azurite: AzuriteServer, root: str, fault_proxy: StartProxy) -> MakeChecked:
    def make(**parameters: Any) -> Any:
        proxy = fault_proxy(azurite.endpoint)
        return make_azure(root, serviceurl=f"{proxy.endpoint}/{azurite.account}", **parameters), proxy

    return make


class TestReads(DamagedReads):
    """Of a blob with an MD5, where a comparison is demanded."""

    checking: ClassVar[dict[str, Any]] = {"checksums": "always"}


def test_contents_and_blocks_carry_a_crc64_to_azure(make_checked: MakeChecked) -> None:
    driver, proxy = make_checked(chunksize=1 << 20)
    azure = {"x-ms-request-id": "1", "ETag": '"1"', "Server": "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0"}
    proxy.add(Answer(201, b"", azure), method="PUT", times=None)
    driver.put_content("/a", b"first")
    driver.put_content("/a", b"123456789")
    upload(driver, "/b", pattern(3 << 20))
    unknown, second, *blocks = (request.headers for request in proxy.matching("PUT"))
    assert "x-ms-content-crc64" not in unknown
    # The check value of CRC-64/NVME, whose polynomial is that of Azure's; the lowest byte comes first.
    assert base64.b64decode(second["x-ms-content-crc64"]) == bytes.fromhex("ae8b14860a799888")[::-1]
    assert [("x-ms-content-crc64" in headers) for headers in blocks] == [True, True, True, False]


@pytest.mark.parametrize("code", ["Crc64Mismatch", "Md5Mismatch"])
def test_damaged_content_is_sent_again(make_checked: MakeChecked, code: str) -> None:
    """https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes."""
    driver, proxy = make_checked(checksums="always")
    refusal = Answer(400, f"<Error><Code>{code}</Code></Error>".encode(), {"x-ms-error-code": code})
    rule = proxy.add(refusal, method="PUT")
    driver.put_content("/a", b"content")
    assert rule.hits == 1
    proxy.add(refusal, method="PUT", times=None)
    with pytest.raises(IntegrityError):
        driver.put_content("/a", b"content")
    assert all("content-md5" in request.headers for request in proxy.matching("PUT"))
