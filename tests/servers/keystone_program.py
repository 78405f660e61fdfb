"""A Keystone of its own: ``python -m tests.servers.keystone_program DIRECTORY PORT``.

It needs the package `keystone`, and neither root nor /etc/keystone nor a
database server. It runs in an environment of its own, see `keystone`.
"""

from __future__ import annotations

import importlib
import os
import pwd
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

_HOST = "127.0.0.1"

_CONF = """\
[DEFAULT]
use_stderr = true
[database]
connection = sqlite:///{directory}/keystone.db
[token]
provider = fernet
allow_expired_window = 0
[fernet_tokens]
key_repository = {directory}/tokens
[credential]
key_repository = {directory}/credentials
[cache]
enabled = false
[identity]
password_hash_rounds = 4
"""


def _manage(config: Path, *arguments: str) -> None:
    """Run keystone-manage."""
    program = "import sys; from keystone.cmd.manage import main; sys.argv[0] = 'keystone-manage'; main()"
    command = [sys.executable, "-c", program, "--config-file", str(config), *arguments]
    subprocess.run(command, check=True, cwd=config.parent)


def _one_at_a_time(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """The application, with one request at a time: SQLite refuses two that write, and the loser is a 500."""
    turn = threading.Lock()

    def serve(*arguments: Any) -> Iterable[bytes]:
        with turn:
            return application(*arguments)

    return serve


def main() -> None:
    directory, port = Path(sys.argv[1]), int(sys.argv[2])
    for name in ("tokens", "credentials"):
        (directory / name).mkdir(parents=True)
    config = directory / "keystone.conf"
    config.write_text(_CONF.format(directory=directory))
    user = pwd.getpwuid(os.getuid()).pw_name
    owner = ["--keystone-user", user, "--keystone-group", user]
    if os.getuid() != 0:
        # Only root can give files away, and needs no names for its own.
        owner = []
    url = f"http://{_HOST}:{port}/v3"
    _manage(config, "db_sync")
    _manage(config, "fernet_setup", *owner)
    _manage(config, "credential_setup", *owner)
    names = [
        "--bootstrap-username",
        "admin",
        "--bootstrap-password",
        "of-the-admin",
        "--bootstrap-project-name",
        "admin",
    ]
    places = [part for side in ("admin", "public", "internal") for part in (f"--bootstrap-{side}-url", url)]
    _manage(config, "bootstrap", *names, "--bootstrap-region-id", "RegionOne", *places)
    os.environ["OS_KEYSTONE_CONFIG_FILES"] = str(config)
    sys.argv = ["keystone"]
    application = importlib.import_module("keystone.wsgi.api").application
    served = _one_at_a_time(application)
    importlib.import_module("werkzeug.serving").run_simple(_HOST, port, served, threaded=True)


if __name__ == "__main__":
    main()
