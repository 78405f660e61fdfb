"""The matrix: each request of each script fails in each way, and a user goes on in each way."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from storagedriver.driver import Capabilities, StorageDriver
from storagedriver.errors import PathNotFoundError, StorageDriverError
from storagedriver.testsuites.faults.interrupting import interruptible
from storagedriver.testsuites.faults.judge import judge
from storagedriver.testsuites.faults.model import Model
from storagedriver.testsuites.faults.proxy import FaultProxy, Request
from storagedriver.testsuites.faults.scripts import SCRIPTS, Script, Sizes
from storagedriver.testsuites.faults.session import Session
from storagedriver.testsuites.faults.steps import Cancel, Close, Commit, Open, Step, Write
from storagedriver.testsuites.faults.ways import WAYS, Way

__all__ = ["Case", "Store", "cases", "run", "seen"]

#: How a user goes on after a call that failed: where there is a writer, and where there is none.
_WITH_A_WRITER = ("again", "resume", "cancel", "kill", "purge")
_WITHOUT = ("again", "kill")


@dataclass(frozen=True)
class Store:
    """A driver under test, and the server it talks to.

    Attributes
    ----------
    make : callable
        ``make(endpoint, timeout)`` gives a driver that sends all its requests
        to this endpoint, and gives up a call after so many seconds. All of
        them see one store.
    endpoint : str
        The server's own endpoint.
    timeout : float
        The timeout of the driver whose requests fail, in seconds.
    patience : float
        The timeout of the drivers that set up and judge.
    """

    make: Callable[[str, float], StorageDriver]
    endpoint: str
    capabilities: Capabilities
    sizes: Sizes
    timeout: float = 0.5
    patience: float = 60.0

    def direct(self) -> StorageDriver:
        """A new driver that talks to the server itself."""
        return self.make(self.endpoint, self.patience)

    def model(self) -> Model:
        """A model that knows of nothing yet."""
        return Model(self.capabilities, self.sizes.part)


@dataclass(frozen=True)
class Case:
    """One field of the matrix.

    Attributes
    ----------
    number : int
        Which request fails, counted from 0.
    after : str
        How the user goes on if a call raises: ``again`` makes the same call
        and the rest of the script, ``resume`` closes the writer and goes on in
        a new driver, ``cancel`` cancels it, after ``kill`` and ``purge``
        nothing more is done with the driver.
    """

    script: str
    number: int
    way: Way
    after: str

    def __str__(self) -> str:
        return f"{self.script} / request {self.number} / {self.way.name} / {self.after}"


def seen(store: Store, script: str, judge_with: StorageDriver) -> list[Request]:
    """Run a script when nothing fails; the requests that it sends."""
    at = f"/{uuid.uuid4().hex}"
    made, model = SCRIPTS[script](at, store.sizes), store.model()
    _all(Session(judge_with, model), made.before)
    with ExitStack() as stack:
        proxy = FaultProxy(store.endpoint)
        driver = stack.enter_context(store.make(proxy.endpoint, store.patience))
        stack.enter_context(proxy)
        _all(Session(driver, model), made.steps)
        requests = proxy.requests
    judge(judge_with, model, at, made, resume=False)
    return requests


def cases(script: str, requests: Sequence[Request], store: Store) -> Iterator[Case]:
    """All cases of a script."""
    upload = SCRIPTS[script]("/", store.sizes).goal is not None
    for number, request in enumerate(requests):
        for way in WAYS:
            if way.applies(request):
                for after in _WITH_A_WRITER if upload else _WITHOUT:
                    yield Case(script, number, way, after)


def run(store: Store, case: Case, judge_with: StorageDriver) -> bool:
    """Run a case. Whether a call raised; if none did, how a user goes on makes no difference.

    Raises
    ------
    FaultFoundError
        If anything came out that the contract does not allow.
    """
    at = f"/{uuid.uuid4().hex}"
    script, model = SCRIPTS[case.script](at, store.sizes), store.model()
    _all(Session(judge_with, model), script.before)
    with ExitStack() as stack:
        # The proxy ends before the driver: what the driver still sends in threads reaches the server no more.
        proxy = FaultProxy(store.endpoint)
        driver = stack.enter_context(store.make(proxy.endpoint, store.timeout))
        stack.enter_context(proxy)
        session = Session(driver, model)
        with interruptible(session) as interrupt:
            case.way.plant(proxy, case.number, interrupt)
            failed = _until_it_fails(session, script.steps)
            proxy.heal()
            if failed is not None:
                _go_on(session, script, failed, case.after)
        session.abandon()
    if failed is not None and case.after == "resume":
        with store.direct() as another:
            _finish(Session(another, model), script)
    judge(judge_with, model, at, script, resume=case.after in ("kill", "cancel"), purge=case.after == "purge")
    return failed is not None


def _all(session: Session, steps: Sequence[Step]) -> None:
    for step in steps:
        session.run(step)


def _until_it_fails(session: Session, steps: Sequence[Step]) -> int | None:
    for number, step in enumerate(steps):
        try:
            session.run(step)
        except (StorageDriverError, ValueError, KeyboardInterrupt):
            return number
    return None


def _go_on(session: Session, script: Script, failed: int, after: str) -> None:
    left = list(script.steps[failed:])
    open_writer = script.path in session.writers
    if after == "again":
        try:
            session.again(session.rest(left[0]))
            for step in left[1:]:
                session.again(step)
        except ValueError:
            # A writer that was interrupted may refuse everything but cancel and close.
            if not session.interrupted:
                raise
            session.again(Close(script.path))
    elif after == "resume" and open_writer:
        session.again(Close(script.path))
    elif after == "cancel" and open_writer:
        session.again(Cancel(script.path))


def _finish(session: Session, script: Script) -> None:
    """Resume the upload in a new driver, and bring it to its end."""
    path, goal = script.path, script.goal or b""
    try:
        session.run(Open(path, append=True))
    except PathNotFoundError:
        session.again(Open(path))
    held = session.model.writer(path)
    rest = goal[held.size :] if goal.startswith(held.bases[0]) else b"something else"
    session.again(Write(path, rest))
    session.again(Commit(path))
