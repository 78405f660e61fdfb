"""A complete OpenStack Swift in one process: proxy, account, container and object server.

``python -m tests.servers.swift_program DIRECTORY PORT``. It needs neither root
nor /etc/swift nor memcached, only the package `swift` and a file system with
user extended attributes under DIRECTORY. The proxy listens on PORT; it speaks
Swift's own protocol, with tempauth, and S3.

With ``KEYSTONE_URL ADMIN PASSWORD`` behind it also takes Keystone's tokens, and
needs `keystonemiddleware`.
"""

from __future__ import annotations

import copy
import importlib
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

_HOST = "127.0.0.1"
_STORAGE = ("account", "container", "object")

_SWIFT_CONF = """\
[swift-hash]
swift_hash_path_prefix = tests
swift_hash_path_suffix = tests
[storage-policy:0]
name = standard
default = yes
"""

_STORAGE_CONF = """\
[DEFAULT]
swift_dir = {directory}
devices = {directory}/devices
mount_check = false
bind_ip = 127.0.0.1
bind_port = {port}
log_level = WARNING
log_requests = false
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
"""

_PIPELINE = (
    "catch_errors gatekeeper healthcheck cache listing_formats bulk tempurl "
    "s3api tempauth copy slo dlo versioned_writes symlink"
)

_PROXY_CONF = """\
[DEFAULT]
swift_dir = {directory}
bind_ip = 127.0.0.1
bind_port = {port}
log_level = WARNING
expose_info = true
[pipeline:main]
pipeline = {pipeline} proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
conn_timeout = 5
node_timeout = 60
recoverable_node_timeout = 60
client_timeout = 60
[filter:cache]
paste.filter_factory = tests.servers.swift_program:cache_filter
[filter:tempurl]
use = egg:swift#tempurl
methods = GET HEAD PUT POST DELETE
allowed_digests = sha1 sha256 sha512
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
s3_acl = false
max_upload_part_num = 10000
[filter:tempauth]
use = egg:swift#tempauth
token_life = 86400
user_test_tester = testing .admin $HOST/v1/AUTH_test
user_test_reader = reading $HOST/v1/AUTH_test
[filter:slo]
use = egg:swift#slo
min_segment_size = 1
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
"""

_KEYSTONE_CONF = """\
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = {url}
auth_url = {url}
auth_type = password
project_domain_id = default
user_domain_id = default
project_name = {user}
username = {user}
password = {password}
delay_auth_decision = true
interface = public
token_cache_time = 5
[filter:keystoneauth]
use = egg:swift#keystoneauth
reseller_prefix = KEY_
operator_roles = admin, member
"""

_PLAIN_FILTERS = ("catch_errors", "gatekeeper", "healthcheck", "listing_formats", "bulk", "copy", "dlo", "symlink")

_Start = Callable[..., Any]
_App = Callable[[dict[str, Any], _Start], Iterable[bytes]]


class Cache:
    """The part of a memcached client that Swift calls, over a dictionary."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[Any, float]] = {}

    def get(self, key: str, **_: Any) -> Any:
        value, expires = self._entries.get(key, (None, 0.0))
        if expires and expires < _now():
            del self._entries[key]
            return None
        return copy.deepcopy(value)

    def set(self, key: str, value: Any, time: float = 0, **_: Any) -> bool:
        self._entries[key] = (copy.deepcopy(value), _now() + time if time else 0.0)
        return True

    def incr(self, key: str, delta: int = 1, time: float = 0) -> int:
        value = max(0, int(self.get(key) or 0) + delta)
        self.set(key, value, time=time)
        return value

    def decr(self, key: str, delta: int = 1, time: float = 0) -> int:
        return self.incr(key, -delta, time)

    def delete(self, key: str, **_: Any) -> None:
        self._entries.pop(key, None)

    def get_multi(self, keys: Iterable[str], **_: Any) -> list[Any]:
        return [self.get(key) for key in keys]

    def set_multi(self, values: Mapping[str, Any], time: float = 0, **_: Any) -> None:
        for key, value in values.items():
            self.set(key, value, time=time)


def _now() -> float:
    return time.time()


def cache_filter(_config: Mapping[str, str], **_: str) -> Callable[[_App], _App]:
    """The proxy's ``cache`` filter, as paste builds it."""
    cache = Cache()

    def around(app: _App) -> _App:
        def call(environment: dict[str, Any], start: _Start) -> Iterable[bytes]:
            environment["swift.cache"] = cache
            return app(environment, start)

        return call

    return around


class Swift:
    def __init__(self, directory: Path, port: int, keystone: tuple[str, ...] = ()) -> None:
        self.directory = directory
        self.keystone = keystone
        (directory / "devices" / "d1").mkdir(parents=True)
        (directory / "swift.conf").write_text(_SWIFT_CONF)
        # Swift reads its configuration as its modules are imported: they come after it, and one by one.
        self.utils: Any = importlib.import_module("swift.common.utils")
        self.utils.monkey_patch()
        self.eventlet: Any = importlib.import_module("eventlet")
        self.eventlet_wsgi: Any = importlib.import_module("eventlet.wsgi")
        importlib.import_module("eventlet.hubs").use_hub(self.utils.get_hub())
        self.utils.set_swift_dir(str(directory))
        self.constraints: Any = importlib.import_module("swift.common.constraints")
        self.constraints.reload_constraints()
        importlib.import_module("swift.common.storage_policy").reload_storage_policies()
        self.utils.disable_fallocate()
        self.wsgi: Any = importlib.import_module("swift.common.wsgi")
        self.protocol: Any = importlib.import_module("swift.common.http_protocol").SwiftHttpProtocol
        ports = {**dict.fromkeys(_STORAGE, 0), "proxy": port}
        self.sockets = {name: self._listen(number) for name, number in ports.items()}

    def serve(self) -> None:
        """Configure and run the four servers. Does not return."""
        for name in _STORAGE:
            self._configure_storage(name, self._port(name))
        pipeline, more = _PIPELINE, ""
        if self.keystone:
            pipeline = pipeline.replace(" tempauth ", " authtoken keystoneauth tempauth ")
            more = _KEYSTONE_CONF.format(**dict(zip(("url", "user", "password"), self.keystone, strict=True)))
        proxy = _PROXY_CONF.format(directory=self.directory, port=self._port("proxy"), pipeline=pipeline) + more
        filters = "".join(f"[filter:{name}]\nuse = egg:swift#{name}\n" for name in _PLAIN_FILTERS)
        (self.directory / "proxy.conf").write_text(proxy + filters)
        threads = [self._serve(name) for name in (*_STORAGE, "proxy")]
        for thread in threads:
            thread.wait()

    def _listen(self, port: int) -> Any:
        return self.eventlet.listen((_HOST, port), backlog=256, reuse_port=False)

    def _port(self, name: str) -> int:
        return int(self.sockets[name].getsockname()[1])

    def _configure_storage(self, name: str, port: int) -> None:
        builder = importlib.import_module("swift.common.ring").RingBuilder(part_power=1, replicas=1, min_part_hours=0)
        device = {"id": 0, "region": 1, "zone": 1, "weight": 1.0, "ip": _HOST, "port": port, "device": "d1", "meta": ""}
        builder.add_dev({**device, "replication_ip": _HOST, "replication_port": port})
        builder.rebalance()
        builder.get_ring().save(str(self.directory / f"{name}.ring.gz"))
        config = _STORAGE_CONF.format(directory=self.directory, port=port, name=name)
        (self.directory / f"{name}.conf").write_text(config)

    def _serve(self, name: str) -> Any:
        config = str(self.directory / f"{name}.conf")
        app = self.wsgi.loadapp(config, global_conf={"log_name": name})
        return self.eventlet.spawn(
            self.eventlet_wsgi.server,
            self.sockets[name],
            app,
            self.wsgi.NullLogger(),
            custom_pool=self.eventlet.GreenPool(1024),
            protocol=self.protocol,
            socket_timeout=60,
            # Swift's own servers do the same: header names keep their case.
            capitalize_response_headers=False,
            url_length_limit=self.constraints.MAX_REQUEST_LINE,
            keepalive=True,
        )


def main() -> None:
    # Swift's times are UTC, but S3's dates would follow the zone.
    os.environ["TZ"] = "UTC+0"
    time.tzset()
    warnings.filterwarnings("ignore", message="capitalize_response_headers")
    Swift(Path(sys.argv[1]), int(sys.argv[2]), tuple(sys.argv[3:])).serve()


if __name__ == "__main__":
    main()
