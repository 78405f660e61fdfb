"""The options of ``cloudfront``, and what they must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from storagedriver import parameters
from storagedriver.errors import ParameterError
from storagedriver.middleware.options import lifetime

__all__ = ["NAME", "CloudFrontOptions", "parse"]

NAME = "cloudfront"
#: The addresses of Amazon's services: https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-ranges.html
_RANGES = "https://ip-ranges.amazonaws.com/ip-ranges.json"
#: No private key is longer in PEM, in bytes.
_LONGEST_KEY = 1 << 20


@dataclass(frozen=True)
class CloudFrontOptions:
    """The options of ``cloudfront`` (registry/storage/driver/middleware/cloudfront in distribution).

    Attributes
    ----------
    baseurl : str
        The distribution's URL; ``https`` if it has no scheme.
    privatekey : str
        The name of a file: an RSA key in PEM, unencrypted.
    keypairid : str
        The id of the public key at CloudFront.
    duration : object
        How long a URL works, in Go's notation. 20 minutes if it is not given.
    ipfilteredby : {"none", "aws", "awsregion"}
        Which clients get the URL of S3 itself: none, those in Amazon's
        network, or those in the regions of `awsregion`.
    awsregion : str
        Regions, separated by commas.
    updatefrequency : object
        How old the known addresses may become, in Go's notation; 12 hours if it is not given.
    updatefrenquency : object
        The same, as releases before 3.0 spell it. As in the registry, it wins.
    iprangesurl : str
        Where Amazon's addresses are read.
    """

    baseurl: str = parameters.string(required=True)
    privatekey: str = parameters.string(required=True, secret=True)
    keypairid: str = parameters.string(required=True)
    duration: Any = parameters.anything()
    ipfilteredby: str = parameters.choice(
        "none", ("none", "aws", "awsregion"), fold=lambda word: word.strip().lower() or "none"
    )
    awsregion: str = parameters.string()
    updatefrequency: Any = parameters.anything()
    updatefrenquency: Any = parameters.anything()
    iprangesurl: str = parameters.string(_RANGES)

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions of `awsregion`, in lower case."""
        return tuple(region.strip().lower() for region in self.awsregion.split(",") if region.strip())

    @property
    def lifetime(self) -> timedelta:
        """How long a URL works."""
        return lifetime(NAME, "duration", self.duration, timedelta(minutes=20))

    @property
    def frequency(self) -> timedelta:
        """How old the known addresses may become."""
        right = lifetime(NAME, "updatefrequency", self.updatefrequency, timedelta(hours=12))
        return lifetime(NAME, "updatefrenquency", self.updatefrenquency, right)

    def read_key(self) -> bytes:
        """What the file of the private key holds.

        Raises
        ------
        ParameterError
            If it cannot be read, or if the option is the key itself. The
            message leaves the option out.
        """
        if "-----BEGIN" in self.privatekey:
            raise refusal("privatekey", "it must be the name of the file that holds the key, not the key itself")
        try:
            with Path(self.privatekey).open("rb") as file:
                return file.read(_LONGEST_KEY)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "this can be no name of a file"
            # The cause would show the value.
            raise refusal("privatekey", f"the file that it names cannot be read: {reason}") from None


def refusal(option: str, detail: str) -> ParameterError:
    """The error for a bad option."""
    return ParameterError(detail, driver_name=NAME, path=option)


def parse(options: Mapping[str, Any]) -> CloudFrontOptions:
    """Parse the options and check those that stand together.

    Raises
    ------
    ParameterError
        If one is missing or has a bad value.
    """
    given = parameters.parse(CloudFrontOptions, NAME, options)
    if not given.keypairid.isascii() or not given.keypairid.isalnum():
        raise refusal("keypairid", f"{given.keypairid!r} is not allowed, it must be letters and digits")
    if given.ipfilteredby == "awsregion" and not given.regions:
        raise refusal("awsregion", "it is required with ipfilteredby: awsregion, such as us-east-1,us-west-2")
    return given
