"""Addresses at which nobody answers, in two ways."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers.base import HOST


@contextmanager
def refused_port() -> Iterator[int]:
    """A port that refuses connections. It stays taken as long as the block runs."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        yield int(taken.getsockname()[1])


@contextmanager
def black_hole() -> Iterator[int]:
    """A port that takes connections and requests, and never answers."""
    # The kernel completes connections up to the backlog; nobody has to accept them.
    with socket.create_server((HOST, 0), backlog=128) as listener:
        yield int(listener.getsockname()[1])
