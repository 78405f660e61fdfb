"""The filesystem ``storagedriver``: which driver it stands on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pickle import PicklingError
from typing import Any, ClassVar

from fsspec.spec import AbstractFileSystem, make_instance
from fsspec.utils import tokenize

from storagedriver import factory
from storagedriver.driver import StorageDriver
from storagedriver.errors import ParameterError
from storagedriver.filesystem.changing import ChangingFileSystem
from storagedriver.filesystem.names import PROTOCOL
from storagedriver.filesystem.sharing import SharedDrivers
from storagedriver.parameters import check_options, defaulting_to_names
from storagedriver.paths import NAME_RULES, NameRule

__all__ = ["StorageDriverFileSystem"]

_OPTIONS = ("block_size", "cache_type", "config", "driver", "names", "parameters")

_Cached: Any = type(AbstractFileSystem)


class _CachedByOptions(_Cached):  # type: ignore[misc]
    """fsspec's cache of filesystems, but for those on a driver object.

    It tells filesystems apart by the text of their options, and two drivers on
    different stores may well have the same ``repr``.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - this is a metaclass
        driver = args[0] if args else kwargs.get("driver")
        if driver is None or isinstance(driver, str):
            return super().__call__(*args, **kwargs)
        fs = super().__call__(*args, **{**kwargs, "skip_instance_cache": True})
        fs._fs_token_ = tokenize(fs._fs_token_, id(driver))
        return fs


class StorageDriverFileSystem(ChangingFileSystem, metaclass=_CachedByOptions):
    """A storage driver as an fsspec filesystem, registered as ``storagedriver``.

    The driver is made when it is first used. Filesystems with equal options
    share one, throughout the process; a filesystem that is pickled makes it
    anew where it is unpickled.

    Parameters
    ----------
    driver : str or StorageDriver
        The name of a driver, for `storagedriver.factory.create`, or a driver.
    parameters : mapping, optional
        The parameters of a driver given by name.
    names : {"any", "registry"}, optional
        The rule that paths follow, where the parameters do not say it. With a
        driver by name it is ``any`` by default, with `config` that of a
        registry. A driver object keeps its own.
    config : str, optional
        In place of `driver`: the path of a registry's ``config.yml``, for
        `storagedriver.configuration.load`. It is read where the driver is
        made, which may be on another machine.
    block_size : int, optional
        How much is read ahead, and held back when writing, in bytes. By
        default 5 MiB.
    cache_type : str
        How a file that is read is cached: ``readahead``, ``bytes``, ``none``
        or another of fsspec's caches.
    **options
        fsspec's own options for any filesystem. Those of listings caches do
        nothing: there is none.

    Raises
    ------
    ParameterError
        If not exactly one of `driver` and `config` is given.
    TypeError
        For an option that is not known, with the nearest name that is.
    """

    _shared: ClassVar[SharedDrivers] = SharedDrivers()

    def __init__(
        self,
        driver: str | StorageDriver | None = None,
        *,
        parameters: Mapping[str, Any] | None = None,
        config: Any = None,
        names: NameRule | None = None,
        block_size: int | None = None,
        cache_type: str = "readahead",
        **options: Any,
    ) -> None:
        check_options(PROTOCOL, options, _OPTIONS, "those of the driver belong into parameters={...}")
        if (driver is None) == (config is None):
            raise ParameterError("give either driver or config", driver_name=PROTOCOL)
        if parameters and not isinstance(driver, str):
            raise ParameterError("parameters go with the name of a driver", driver_name=PROTOCOL)
        if names is not None and isinstance(driver, StorageDriver):
            raise ParameterError("a driver that is given keeps its rule of names", driver_name=PROTOCOL, path="names")
        if names not in (None, *NAME_RULES):
            detail = f"{names!r} is not allowed, it must be one of {', '.join(NAME_RULES)}"
            raise ParameterError(detail, driver_name=PROTOCOL, path="names")
        super().__init__(**options)
        self._names: NameRule = names or ("registry" if driver is None else "any")
        self._given = driver
        self._parameters = dict(parameters or {})
        self._config = None if config is None else str(Path(config).absolute())
        self._driver = driver if isinstance(driver, StorageDriver) else None
        self.blocksize = block_size or self.blocksize
        self.cache_type = cache_type

    def __repr__(self) -> str:
        # Never the parameters: they hold secrets.
        return f"<{type(self).__name__} {self._config or getattr(self._given, 'name', self._given)}>"

    @property
    def driver(self) -> StorageDriver:
        """The driver below, made at the first use."""
        if self._driver is None:
            options = sorted(self._parameters.items())
            self._driver = self._shared.get(tokenize(self._given, self._config, self._names, options), self._make)
        return self._driver

    def to_dict(self, *, include_password: bool = True) -> dict[str, Any]:
        """The options that make this filesystem again, secrets included unless `include_password` is false."""
        if include_password:
            # Older versions of fsspec do not know the argument.
            return super().to_dict()  # type: ignore[no-any-return]
        options: dict[str, Any] = super().to_dict(include_password=False)
        options.pop("parameters", None)
        return options

    def __reduce__(self) -> tuple[Any, ...]:
        if not self.driver.capabilities.multiprocess:
            message = f"{self!r} cannot be pickled: another process would have an empty store"
            raise PicklingError(message)
        options = dict(self.storage_options)
        if self._config is not None:
            options["config"] = self._config
        return make_instance, (type(self), self.storage_args, options)

    def _make(self) -> StorageDriver:
        with defaulting_to_names(self._names):
            if self._config is None:
                return factory.create(str(self._given), self._parameters)
            from storagedriver import configuration  # noqa: PLC0415 - it needs PyYAML

            return configuration.load(self._config).create_driver()
