"""docs/middleware.md has every option of every middleware, and no other."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from storagedriver.middleware.alicdn import AliCDNOptions
from storagedriver.middleware.cloudfront.options import CloudFrontOptions
from storagedriver.middleware.redirect import RedirectOptions
from storagedriver.middleware.rewrite import RewriteOptions
from storagedriver.telemetry import TelemetryOptions

DECLARED: dict[str, Any] = {
    "redirect": RedirectOptions,
    "rewrite": RewriteOptions,
    "cloudfront": CloudFrontOptions,
    "alicdn": AliCDNOptions,
    "telemetry": TelemetryOptions,
}
_PAGE = Path(__file__).resolve().parents[2] / "docs" / "middleware.md"


@pytest.mark.parametrize("name", DECLARED)
def test_every_option_is_there_once_and_no_other(name: str) -> None:
    _, _, section = _PAGE.read_text(encoding="utf-8").partition(f"\n## {name}\n")
    rows = dict(re.findall(r"^\| `([a-z]+)` \| (.*) \|$", section.partition("\n## ")[0], re.MULTILINE))
    fields = {field.name: field for field in dataclasses.fields(DECLARED[name])}
    assert list(rows) == list(fields)
    for option, effect in rows.items():
        required = bool(fields[option].metadata["required"]) or option == "authtype"
        assert effect.startswith("Required. ") is required, option
