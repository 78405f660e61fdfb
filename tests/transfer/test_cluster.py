"""Transfers whose blobs are copied by the workers of a dask cluster."""

# mypy: disable-error-code="no-untyped-call"
# Dask has annotations for a part of its calls only.

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path

import pytest
from distributed import Client, Future, LocalCluster

from storagedriver.errors import UnavailableError
from storagedriver.registry import layout
from storagedriver.transfer import Cluster, Options, Progress, Transfer, pickled, transfer
from tests.cli.invoking import Invoke
from tests.transfer.conftest import MakeStorage, Open
from tests.transfer.generated import Generated, contents, digest_of

MIB = 1 << 20


def registry(large: int) -> Generated:
    made = Generated()
    made.fill(2, 1)
    for number in range(3):
        made.layer("large/one", random.Random(number).randbytes(large))
    return made


def test_workers_copy_blobs_and_the_report_is_one(storage: MakeStorage, opened: Open, tmp_path: Path) -> None:
    here, there = storage("filesystem", "here"), storage("seaweedfs", "there")
    made = registry(5 * MIB)
    wrong = layout.blob_path(digest_of(b"wrong"))
    made.write(opened(here))
    opened(here).put_content(wrong, b"another")
    with (
        LocalCluster(
            n_workers=1, processes=False, protocol="tcp", threads_per_worker=2, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        report = transfer(opened(here), opened(there), client=client)
        assert [(finding.problem, finding.path) for finding in report.findings] == [("wrong", wrong)]
        assert report.files("copied") == len(made.files)
        assert contents(opened(there)) == made.files
        config = tmp_path / "new.yml"
        config.write_text(f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {tmp_path / 'new'}\n")
        source = ["--driver", "filesystem", "--param", f"rootdirectory={here[1]['rootdirectory']}"]
        scheduler = ["--scheduler", cluster.scheduler_address]
        shown = Invoke(())(*source, "transfer", "--to", str(config), *scheduler, "--exclude", wrong)
        assert shown.lines[-1] == "complete: the destination equals what the source listed"
        assert contents(opened(("filesystem", {"rootdirectory": str(tmp_path / "new")}))) == made.files


@pytest.mark.slow
def test_a_task_that_the_cluster_drops_is_an_error(storage: MakeStorage, opened: Open) -> None:
    here, there = storage("filesystem", "here"), storage("filesystem", "there")
    made = registry(20 * MIB)
    made.write(opened(here))
    with (
        LocalCluster(
            n_workers=1, processes=False, protocol="tcp", threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as processes,
        Client(processes) as client,
    ):

        def drop(progress: Progress) -> None:
            if progress.phase == "blobs":
                client.cancel([Future(key) for key in list(client.futures)])

        with pytest.raises(UnavailableError, match="dropped"):
            transfer(opened(here), opened(there), client=client, on_progress=drop, bandwidth=10 * MIB)
    assert transfer(opened(here), opened(there)).equal


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_nothing_but_time(storage: MakeStorage, opened: Open) -> None:
    here, there = storage("filesystem", "here"), storage("seaweedfs", "there")
    made = registry(40 * MIB)
    made.write(opened(here))
    with (
        LocalCluster(
            n_workers=2, processes=True, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as processes,
        Client(processes) as client,
    ):
        source, dest = opened(here), opened(there)
        cluster = Cluster(client, pickled(source), pickled(dest))
        run = Transfer(source, dest, Options(bandwidth=30 * MIB), cluster=cluster)
        pids = list(client.run(os.getpid).values())
        killing = threading.Timer(3, os.kill, (pids[0], signal.SIGKILL))
        killing.start()
        report = run.run()
        killing.join()
        assert report.equal, report.findings
        assert contents(dest) == made.files
