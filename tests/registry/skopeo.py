"""Pushing and pulling images with skopeo, digests kept as they are."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.servers.base import program

_SECONDS = 120


def push(layout: Path, tag: str, address: str, repository: str) -> None:
    """From an OCI layout to a registry."""
    _copy(["--dest-tls-verify=false"], f"oci:{layout}:{tag}", f"docker://{address}/{repository}:{tag}")


def pull(address: str, repository: str, tag: str, layout: Path) -> None:
    """From a registry into a new OCI layout."""
    _copy(["--src-tls-verify=false"], f"docker://{address}/{repository}:{tag}", f"oci:{layout}:{tag}")


def _copy(options: Sequence[str], source: str, dest: str) -> None:
    skopeo = program("skopeo", "apt install skopeo")
    command = [skopeo, "--insecure-policy", "copy", "--quiet", "--preserve-digests", *options, source, dest]
    without_proxy = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        env=without_proxy,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise AssertionError(f"skopeo copy {source} {dest} failed:\n{done.stdout}{done.stderr}")
