"""OpenTelemetry for any driver: spans and metrics of each call, by a driver around it.

::

    from storagedriver import factory
    from storagedriver.telemetry import instrument

    driver = instrument(factory.create("s3", {"bucket": "registry", "region": "eu-west-1"}))

What is recorded goes to the SDK that the program has set, through the API
package alone; while there is none, calls go straight to the driver. It is the
storage middleware ``telemetry``, too. It needs
``pip install "storagedriver[telemetry]"``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storagedriver import parameters
from storagedriver.errors import needing_extra

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from storagedriver.driver import StorageDriver
    from storagedriver.telemetry.driver import InstrumentedDriver

__all__ = ["TelemetryOptions", "create", "instrument"]

_NAME = "telemetry"


@dataclass(frozen=True)
class TelemetryOptions:
    """The options of the middleware ``telemetry``.

    Attributes
    ----------
    paths : bool
        Whether spans have the path of the file as an attribute.
    """

    paths: bool = parameters.boolean()


def create(driver: StorageDriver, options: Mapping[str, Any]) -> InstrumentedDriver:
    """Put the middleware ``telemetry`` around a driver; its options are `TelemetryOptions`.

    Raises
    ------
    MissingExtraError
        If opentelemetry-api is not installed.
    ParameterError
        If an option has a bad value, or if the driver is instrumented already.
    """
    return instrument(driver, paths=parameters.parse(TelemetryOptions, _NAME, options).paths)


def instrument(
    driver: StorageDriver,
    *,
    paths: bool = False,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
) -> InstrumentedDriver:
    """Record each call of a driver as a span and in metrics.

    Parameters
    ----------
    driver : StorageDriver
        The driver. Closing what this returns closes it.
    paths : bool
        Whether spans have the path of the file as an attribute. Metrics never have it.
    tracer_provider, meter_provider : optional
        Where spans and metrics go. None: to the provider that the program has
        set, or sets later. A driver that was pickled uses the latter.

    Raises
    ------
    MissingExtraError
        If opentelemetry-api is not installed.
    ParameterError
        If the driver is instrumented already: each call would count twice.
    """
    with needing_extra(_NAME, "telemetry"):
        from storagedriver.telemetry.driver import InstrumentedDriver  # noqa: PLC0415 - needs opentelemetry, an extra
    return InstrumentedDriver(driver, paths=paths, tracer_provider=tracer_provider, meter_provider=meter_provider)
