"""Which event loop an asynchronous filesystem waits for, and the same filesystem on another one."""

from __future__ import annotations

import inspect
from asyncio import AbstractEventLoop
from collections.abc import Mapping
from typing import Any

from fsspec import AbstractFileSystem, get_filesystem_class

from storagedriver.adapter.loop import is_running_here
from storagedriver.drivers.fsspec.infos import layers

__all__ = ["loop_of", "takes_loop", "twin", "waits_for_itself"]


def takes_loop(kind: type[AbstractFileSystem]) -> bool:
    """Whether a filesystem of this class can be made for an event loop of the caller's choice."""
    return bool(kind.async_impl) and "loop" in inspect.signature(kind.__init__).parameters


def loop_of(fs: AbstractFileSystem) -> AbstractEventLoop | None:
    """The event loop that the calls of a filesystem wait for; None if they wait for none."""
    *_, lowest = layers(fs)
    loop: AbstractEventLoop | None = getattr(lowest, "_loop", None) if lowest.async_impl else None
    return loop


def waits_for_itself(fs: AbstractFileSystem) -> bool:
    """Whether this thread runs the event loop that the filesystem would wait for."""
    return is_running_here(loop_of(fs))


def twin(fs: AbstractFileSystem, loop: AbstractEventLoop | None) -> AbstractFileSystem:
    """The same filesystem, made anew from its own arguments, on another event loop.

    Parameters
    ----------
    fs : AbstractFileSystem
        The filesystem; those that it is put upon are made anew as well.
    loop : AbstractEventLoop or None
        The event loop, None for fsspec's. A class that cannot be given one keeps its own.
    """

    def moved(value: Any) -> Any:
        return twin(value, loop) if isinstance(value, AbstractFileSystem) else value

    kind = type(fs)
    options = _on({name: moved(value) for name, value in fs.storage_options.items()}, kind, loop)
    target = options.get("target_protocol")
    if isinstance(target, str):
        options["target_options"] = _on(options.get("target_options") or {}, get_filesystem_class(target), loop)
    made = kind(*map(moved, fs.storage_args), **{**options, "skip_instance_cache": True})
    made.dircache.use_listings_cache = fs.dircache.use_listings_cache
    return made


def _on(options: Mapping[str, Any], kind: type[AbstractFileSystem], loop: AbstractEventLoop | None) -> dict[str, Any]:
    """The options of a class for another loop."""
    others = {name: value for name, value in options.items() if name != "loop"}
    return {**others, "loop": loop} if loop is not None and takes_loop(kind) else others
