"""Options that several middlewares have: base URLs and lengths of time."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from storagedriver.errors import ParameterError
from storagedriver.parameters import parse_duration

__all__ = ["LONGEST", "SCHEME", "base_url", "check_host", "lifetime", "quoted"]

#: A host of a URL with its port, if there is one.
_HOST = re.compile(r"([A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
#: The scheme of a URL (RFC 3986, 3.1).
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_LAST_PORT = 65535
#: The longest time that a URL may work: a hundred years. Every format can hold such a time.
LONGEST = timedelta(days=36525)


def quoted(path: str) -> str:
    """A path for a URL, as Go's ``net/url`` quotes it."""
    return quote(path, safe="/~$&+,:;=@")


def base_url(
    middleware: str, option: str, value: str, *, scheme: str = "", allowed: str = "", query: bool = False
) -> SplitResult:
    """The URL that an option names. Messages leave it out: it may hold a password.

    Parameters
    ----------
    middleware, option : str
        The names for errors.
    value : str
        What the user gave.
    scheme : str
        The scheme where the value has none; ``""``: it must have one.
    allowed : str
        The only schemes that may be, separated by a space; ``""``: any.
    query : bool
        Whether it may have a query.

    Returns
    -------
    urllib.parse.SplitResult
        Its path is quoted.

    Raises
    ------
    ParameterError
        If it is no URL with a host, or has more than scheme, host and path.
    """

    def refusal(detail: str) -> ParameterError:
        return ParameterError(detail, driver_name=middleware, path=option)

    if not value.isprintable() or " " in value:
        raise refusal("there is a space or a control character in the URL")
    if scheme and "://" not in value:
        value = f"{scheme}://{value}"
    try:
        parts = urlsplit(value)
    except ValueError as error:
        raise refusal("it is no URL") from error
    if not SCHEME.fullmatch(parts.scheme) or "://" not in value:
        raise refusal("the URL has no scheme, it must be such as https://cdn.example.com")
    if allowed and parts.scheme not in allowed.split():
        raise refusal(f"{parts.scheme!r} is not allowed as the scheme, it must be {' or '.join(allowed.split())}")
    if "@" in parts.netloc or "#" in value or ("?" in value and not query):
        raise refusal(f"the URL must not have a user, {'' if query else 'a query '}or a fragment")
    check_host(middleware, option, parts.netloc)
    return parts._replace(path=quote(parts.path, safe="%/~$&+,:;=@!*'()"))


def check_host(middleware: str, option: str, host: str) -> None:
    """Refuse what is no host with maybe a port.

    Raises
    ------
    ParameterError
        If it is none.
    """
    found = _HOST.fullmatch(host)
    if not host:
        raise ParameterError("the URL has no host", driver_name=middleware, path=option)
    if found is None or int((found[2] or ":0")[1:]) > _LAST_PORT:
        detail = "the host must be a name or an address, maybe with a port (cdn.example.com:8443), in ASCII"
        raise ParameterError(detail, driver_name=middleware, path=option)


def lifetime(middleware: str, option: str, value: Any, default: timedelta) -> timedelta:
    """A length of time that an option gives.

    A number without a unit is refused. The registry takes one of YAML for
    nothing at all, and refuses it in quotes.

    Parameters
    ----------
    middleware, option : str
        The names for errors.
    value : object
        What the user gave; None and the empty string count as not given.
    default : timedelta
        What it is then.

    Raises
    ------
    ParameterError
        If it is no duration in Go's notation and no `timedelta`, or not
        positive, or longer than a hundred years.
    """
    if value is None or value == "":
        return default
    try:
        if isinstance(value, timedelta):
            found = value
        elif isinstance(value, str) and not value.lstrip("+-").isdecimal():
            found = parse_duration(value)
        else:
            raise ValueError
        if not timedelta(0) < found <= LONGEST:
            raise ValueError
    except (ValueError, OverflowError):
        detail = f"{value!r} is not allowed, it must be a positive duration with its unit, such as 90s, 20m or 12h"
        raise ParameterError(detail, driver_name=middleware, path=option) from None
    return found
