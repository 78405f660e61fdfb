"""How far an upload is: asked by a caller that does not go on with it."""

from __future__ import annotations

from storagedriver.driver import StorageDriver
from storagedriver.errors import InvalidPathError, PathNotFoundError
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import pattern, put_all, same_bytes, upload

__all__ = ["Sizes"]

OLD, FIRST, SECOND = pattern(900, 1), pattern(650, 2), pattern(70, 3)


class Sizes(Cases):
    """Cases of `upload_size`."""

    def test_upload_size_is_what_a_resume_finds(self, driver: StorageDriver) -> None:
        upload(driver, "/up/data", FIRST, end="close")
        assert driver.upload_size("/up/data") == len(FIRST)
        upload(driver, "/up/data", SECOND, append=True, end="close")
        assert driver.upload_size("/up/data") == len(FIRST + SECOND), "it leaves out a session that resumed"
        with driver.writer("/up/data", append=True) as writer:
            assert writer.size == len(FIRST + SECOND)
            writer.commit()
        assert driver.upload_size("/up/data") == len(FIRST + SECOND)
        same_bytes(driver.get_content("/up/data"), FIRST + SECOND)

    def test_upload_size_over_committed_content(self, driver: StorageDriver) -> None:
        driver.put_content("/data", OLD)
        assert driver.upload_size("/data") == len(OLD), "without an upload it is the size of the content"
        upload(driver, "/data", FIRST, end="close")
        assert driver.upload_size("/data") == len(FIRST), "it is not that of the upload, which is newer"
        upload(driver, "/data", append=True)
        assert driver.upload_size("/data") == len(FIRST)

    def test_upload_size_of_an_upload_of_nothing(self, driver: StorageDriver) -> None:
        upload(driver, "/empty", end="close")
        assert driver.upload_size("/empty") == 0
        driver.put_content("/data", OLD)
        upload(driver, "/data", end="close")
        assert driver.upload_size("/data") == 0, "of an upload of nothing over content"

    def test_upload_size_of_content_that_was_appended_to(self, driver: StorageDriver) -> None:
        driver.put_content("/data", OLD)
        upload(driver, "/data", FIRST, append=True, end="close")
        assert driver.upload_size("/data") == len(OLD + FIRST)

    def test_upload_size_after_the_upload_is_gone(self, driver: StorageDriver) -> None:
        upload(driver, "/data", FIRST, end="close")
        upload(driver, "/data", append=True, end="cancel")
        with self.fails(driver, PathNotFoundError, "/data"):
            driver.upload_size("/data")

    def test_upload_size_of_what_is_no_file(self, driver: StorageDriver) -> None:
        put_all(driver, ["/dir/sub/file", "/longer"])
        upload(driver, "/up/data", FIRST, end="close")
        for path in ("/missing", "/dir", "/dir/sub", "/long", "/up", "/up/dat", "/up/data/below"):
            with self.fails(driver, PathNotFoundError, path):
                driver.upload_size(path)
        for path in ("", "/", "a", "/a/", "/../a"):
            with self.fails(driver, InvalidPathError):
                driver.upload_size(path)

    def test_upload_size_does_not_take_the_upload_over(self, driver: StorageDriver) -> None:
        upload(driver, "/data", FIRST, end="close")
        with driver.writer("/data", append=True) as writer:
            writer.write(SECOND)
            assert driver.upload_size("/data") >= len(FIRST)
            writer.commit()
        same_bytes(driver.get_content("/data"), FIRST + SECOND, "after the size of an upload was asked for")
        upload(driver, "/data", FIRST, end="close")
        with driver.writer("/other") as writer:
            writer.write(FIRST)
            listed = list(driver.uploads("/data"))
            for _ in range(2):
                assert driver.upload_size("/data") == len(FIRST)
            assert list(driver.uploads("/data")) == listed, "asking for the size of an upload began or ended one"
            writer.commit()
        with driver.writer("/data", append=True) as writer:
            assert writer.size == len(FIRST), "asking for the size of an upload has changed it"
            writer.cancel()
