"""The order of a transfer, and links that are held back."""

from __future__ import annotations

import json

import pytest

from storagedriver.driver import Visit
from storagedriver.errors import PermissionDeniedError, UnavailableError
from storagedriver.registry import layout
from storagedriver.registry.layout import Kind, place_of
from storagedriver.transfer import transfer
from tests.transfer.generated import INDEX, MANIFEST, Generated, check_readable, digest_of
from tests.transfer.watched import WatchedDriver

REPOSITORY = "group-0/app-0"


def registry(repositories: int = 2, tags: int = 2) -> Generated:
    made = Generated()
    made.fill(repositories, tags, (1000, 3000))
    return made


def test_a_registry_on_the_destination_never_meets_a_link_to_nothing() -> None:
    made = registry()
    dest = WatchedDriver()
    dest.watch = check_readable
    report = transfer(WatchedDriver(made.files), dest)
    assert report.equal, report.findings
    assert dest.contents == made.files
    kinds = [place_of(path).kind for _, path in dest.changes]
    tags = kinds.index(Kind.TAG)
    assert max(number for number, kind in enumerate(kinds) if kind is Kind.BLOB) < kinds.index(Kind.LAYER)
    assert {Kind.TAG} == set(kinds[tags:])


def test_a_manifest_is_linked_after_those_that_it_refers_to_however_deep() -> None:
    made = Generated()
    inner = made.image("a", [b"layer"], b"{}")
    for _ in range(4):
        manifests = [{"mediaType": MANIFEST, "digest": inner, "size": 1}]
        inner = made.manifest("a", {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests})
    dest = WatchedDriver()
    dest.watch = check_readable
    assert transfer(WatchedDriver(made.files), dest).equal


def test_a_run_that_goes_on_keeps_the_order() -> None:
    made = registry()
    source, dest = WatchedDriver(made.files), WatchedDriver()
    blobs = [path for path in made.files if place_of(path).kind is Kind.BLOB]
    for path in blobs[::2]:
        source.broken[path] = UnavailableError("busy", driver_name="dict", path=path)
    dest.watch = check_readable
    report = transfer(source, dest, attempts=1)
    assert not report.ok
    assert report.problems("held")
    source.broken.clear()
    assert transfer(source, dest).equal
    assert dest.contents == made.files


def test_a_blob_that_cannot_be_read_holds_back_all_that_needs_it_and_nothing_else() -> None:
    made = registry()
    shared_by_none = made.image("other", [b"another layer"], b"{}")
    made.tag("other", "v1", shared_by_none)
    bad = digest_of(b"another layer")
    source, dest = WatchedDriver(made.files), WatchedDriver()
    source.broken[layout.blob_path(bad)] = PermissionDeniedError(driver_name="dict", path=layout.blob_path(bad))
    report = transfer(source, dest)
    check_readable(dest.contents)
    held = {finding.path for finding in report.findings if finding.problem == "held"}
    assert held == {
        layout.layer_path("other", bad),
        layout.revision_path("other", shared_by_none),
        layout.tag_path("other", "v1"),
    }
    assert [finding.path for finding in report.findings if finding.problem == "failed"] == [layout.blob_path(bad)]
    assert set(made.files) - set(dest.contents) == held | {layout.blob_path(bad)}


@pytest.mark.parametrize("content", [b"", b"sha256:0", b"no digest", digest_of(b"x").encode() + b"\n"])
def test_a_link_without_a_digest_is_wrong(content: bytes) -> None:
    made = registry()
    path = layout.tag_path(REPOSITORY, "v0")
    made.files[path] = content
    dest = WatchedDriver()
    report = transfer(WatchedDriver(made.files), dest)
    assert [(finding.problem, finding.path) for finding in report.findings] == [("wrong", path)]
    assert path not in dest.contents


def test_a_link_to_a_blob_that_the_source_lacks_is_held_back() -> None:
    made = registry()
    lost = digest_of(b"never there")
    made.files[layout.layer_path(REPOSITORY, lost)] = lost.encode()
    dest = WatchedDriver()
    report = transfer(WatchedDriver(made.files), dest)
    (finding,) = report.findings
    assert (finding.problem, finding.path) == ("held", layout.layer_path(REPOSITORY, lost))
    assert f"the source has no blob {lost}" in finding.reason
    # The destination may have it from before.
    dest.contents[layout.blob_path(lost)] = b"never there"
    assert transfer(WatchedDriver(made.files), dest).ok


class Pushed(WatchedDriver):
    """A source to which files come when the walk of a directory has ended."""

    def __init__(self, files: dict[str, bytes], when: str, pushed: dict[str, bytes]) -> None:
        super().__init__(files)
        self._when = when
        self._pushed = pushed

    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        super().walk(path, visit, start_after)
        if path == self._when:
            self.contents.update(self._pushed)


def test_what_is_pushed_meanwhile_is_whole_or_waits_for_the_next_run() -> None:
    made, pushed = registry(), Generated()
    pushed.tag(REPOSITORY, "v0", pushed.image(REPOSITORY, [b"pushed"], b'{"pushed": 1}'))
    for when in (layout.REPOSITORIES, layout.BLOBS, "/"):
        source, dest = Pushed(made.files, when, pushed.files), WatchedDriver()
        dest.watch = check_readable
        report = transfer(source, dest)
        (finding,) = report.findings
        assert finding.path == layout.tag_path(REPOSITORY, "v0")
        assert "was pushed after the source was listed" in finding.reason
        assert transfer(source, dest).equal
        assert dest.contents == made.files | pushed.files


def test_a_manifest_whose_layers_were_not_listed_waits() -> None:
    # The links of a repository are listed in parts: a push between two of them shows its manifest alone.
    made = registry()
    late = made.image(REPOSITORY, [b"late"], b'{"late": 1}')
    link = layout.layer_path(REPOSITORY, digest_of(b"late"))
    source = Pushed(
        {path: content for path, content in made.files.items() if path != link}, "/", {link: made.files[link]}
    )
    dest = WatchedDriver()
    dest.watch = check_readable
    report = transfer(source, dest)
    assert [finding.path for finding in report.findings] == [layout.revision_path(REPOSITORY, late)]
    assert transfer(source, dest).equal


def test_layers_of_others_that_no_registry_holds_are_no_obstacle() -> None:
    made = Generated()
    manifest = {"schemaVersion": 2, "layers": [{"digest": digest_of(b"foreign"), "urls": ["https://example.org/x"]}]}
    made.tag("a", "v1", made.manifest("a", json.loads(json.dumps(manifest))))
    assert transfer(WatchedDriver(made.files), WatchedDriver()).equal


def test_link_files_of_one_size_are_compared_by_content() -> None:
    made = registry()
    dest = WatchedDriver(made.files)
    path = layout.tag_path(REPOSITORY, "v0")
    made.files[path] = made.files[layout.tag_path(REPOSITORY, "v1")]
    report = transfer(WatchedDriver(made.files), dest)
    assert report.equal
    assert report.files("replaced") == 1
    assert dest.contents == made.files
