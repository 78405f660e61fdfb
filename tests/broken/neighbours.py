"""Root directories that are not kept apart, with one fault each."""

from collections.abc import Iterator

from storagedriver.driver import UploadInfo
from storagedriver.paths import ROOT
from tests.broken.table import breaks
from tests.dict_driver import RootedDriver, Store, T, Upload, beside


class Beside(RootedDriver):
    """One on a store that others use as well."""

    neighbours = staticmethod(beside)

    def __init__(self) -> None:
        super().__init__(Store(), "/some/root")


@breaks("test_neighbours_are_not_seen_by_an_empty_root")
class ListsUploadsOfTheWholeStore(Beside):
    def uploads(self, path: str = ROOT) -> Iterator[UploadInfo]:
        if path != ROOT:
            return super().uploads(path)
        found = [UploadInfo(up.path, str(up.id), up.started, len(up.data)) for up in self.whole.uploads.values()]
        return iter(found)


@breaks("test_neighbours_are_not_seen_by_an_empty_root")
class TakesTheRootForAPrefix(Beside):
    def below(self, part: dict[str, T]) -> dict[str, T]:
        return {path[len(self.root) :]: value for path, value in part.items() if path.startswith(self.root)}


@breaks("test_neighbours_are_not_seen_by_an_empty_root")
class TakesTheRootForAPrefixOfUploads(Beside):
    def uploads_below(self, part: dict[str, Upload]) -> dict[str, Upload]:
        return {path[len(self.root) :]: value for path, value in part.items() if path.startswith(self.root)}


@breaks("test_neighbours_stay_when_everything_is_deleted")
class DeletesBesideTheRoot(Beside):
    """Its last delete takes the directory away, and what has a longer name."""

    def delete(self, path: str) -> None:
        super().delete(path)
        if not self.below(self.whole.files):
            for name in [name for name in self.whole.files if name.startswith(self.root)]:
                del self.whole.files[name]


@breaks("test_neighbours_cannot_be_reached")
class FindsUploadsByTheEndOfTheirPath(Beside):
    def upload_size(self, path: str) -> int:
        found = [upload for name, upload in self.whole.uploads.items() if name.endswith(path)]
        return len(found[0].data) if path != ROOT and found else super().upload_size(path)
