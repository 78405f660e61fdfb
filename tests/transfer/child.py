"""A process that transfers, and says what it does as it does it, for a parent that kills it."""

from __future__ import annotations

import json
import sys

from storagedriver import factory
from storagedriver.transfer import Options, Report, Transfer
from storagedriver.transfer.report import Done


class Talking(Report):
    """Writes a line when a piece was read and when a file is complete."""

    def read(self, count: int) -> None:
        super().read(count)
        print("read", count, flush=True)  # noqa: T201 - the parent counts them

    def act(self, done: Done, path: str, size: int) -> None:
        super().act(done, path, size)
        print(done, path, flush=True)  # noqa: T201 - the same


def main() -> None:
    source, dest, options = json.loads(sys.argv[1])
    with factory.create(*source) as here, factory.create(*dest) as there:
        report = Transfer(here, there, Options(**options), report=Talking()).run()
    print("ended", report.summary, flush=True)  # noqa: T201 - the same


if __name__ == "__main__":
    main()
