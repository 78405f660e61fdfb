"""Which line of the sources is changed to what, and which cases must then fail.

Each fault shows only on some servers, below a root directory or without one, at one kind of address or with one way of
signing. Whoever leaves out cases of a variant sees here whether the suite can still find what it could find before.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MUTANTS", "Mutant"]


@dataclass(frozen=True)
class Mutant:
    """A change of the sources.

    Attributes
    ----------
    name : str
        The fault.
    file : str
        A file below ``src/storagedriver``.
    old, new : str
        What is replaced, which the file holds once, and what stands there instead.
    module : str
        The test module below ``tests``.
    cases : tuple of str
        Which of its cases must fail.
    """

    name: str
    file: str
    old: str
    new: str
    module: str
    cases: tuple[str, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The cases, as pytest names them."""
        return tuple(f"tests/{self.module}::{case}" for case in self.cases)


_S3 = "s3/test_conformance.py"
_GCS = "gcs/test_conformance.py"
_AZURE = "azure/test_conformance.py"
_OSS = "oss/test_conformance.py"
_SWIFT = "swift/test_conformance.py"
_GENERIC = "generic/test_conformance.py"
_FILESYSTEM = "drivers/test_filesystem.py"
_INMEMORY = "drivers/test_inmemory.py"

MUTANTS = (
    Mutant(
        "s3 deletes many keys without the root directory",
        "adapter/http/bulk.py",
        '"Key").text = bucket.full(key)',
        '"Key").text = key',
        _S3,
        (
            "TestSeaweedFS::test_delete_of_a_directory_touches_only_what_is_below_it",
            "TestMoto::test_delete_of_a_directory_touches_only_what_is_below_it",
        ),
    ),
    Mutant(
        "s3 does not quote a slash in the query that it signs",
        "drivers/s3/signer.py",
        "quote(value, safe='~')",
        "quote(value, safe='/~')",
        _S3,
        ("TestSwift::test_children_are_listed_once_and_sorted", "TestSwiftBucket::test_list_of_a_file"),
    ),
    Mutant(
        "s3 goes on after a file of SeaweedFS, and not after the directory of its name",
        "drivers/s3/listing.py",
        'if self._order == "tree" and not start_after.endswith("/"):',
        'if self._order == "bytewise" and not start_after.endswith("/"):',
        _S3,
        ("TestSeaweedFS::test_start_after_every_entry", "TestSeaweedFSBucket::test_start_after_every_entry"),
    ),
    Mutant(
        "s3 believes SeaweedFS that a directory is still there",
        "drivers/s3/listing.py",
        "            prefixes = self._inhabited(prefixes)\n",
        "",
        _S3,
        ("TestSeaweedFS::test_emptied_directory_stays_only_where_declared[delete]",),
    ),
    Mutant(
        "s3 repeats the last key of a page",
        "drivers/s3/listing.py",
        '_Place("continuation-token", self.token)',
        '_Place("start-after", self.objects[-1].key[:-1])',
        _S3,
        ("TestMoto::test_more_entries_than_a_page",),
    ),
    Mutant(
        "s3 signs URLs without the root directory",
        "drivers/s3/signing.py",
        "bucket.full(key), expires",
        "key, expires",
        _S3,
        ("TestMoto::test_url_gives_the_content", "TestSeaweedFS::test_url_for_head_gives_the_size"),
    ),
    Mutant(
        "s3 reads on in any version",
        "drivers/s3/objects.py",
        '{"If-Match": version} if version else {}',
        "{}",
        "s3/test_faults.py",
        ("test_stream_does_not_go_on_in_another_version[seaweedfs]",),
    ),
    Mutant(
        "gcs lists the uploads of the bucket and not of the root directory",
        "drivers/gcs/listing.py",
        '        "prefix": bucket.full(prefix),\n        "fields": f"kind,items({_FIELDS},metadata),nextPageToken",',
        '        "prefix": prefix,\n        "fields": f"kind,items({_FIELDS},metadata),nextPageToken",',
        _GCS,
        ("TestFakeGCS::test_uploads_are_listed_where_they_can_be_told",),
    ),
    Mutant(
        "gcs begins at the start on an emulator that does not say which generation it sends",
        "drivers/gcs/objects.py",
        "self._position = offset\n        self._end",
        "self._position = 0\n        self._end",
        _GCS,
        ("TestEmulator::test_reader_begins_at_any_offset",),
    ),
    Mutant(
        "gcs takes a missing bucket for a missing object",
        "drivers/gcs/bucket.py",
        "        if not says_missing_object(answer):\n            self.require()\n",
        "",
        _GCS,
        ("TestFakeGCS::test_missing_bucket[get_content]",),
    ),
    Mutant(
        "gcs follows no page token",
        "drivers/gcs/listing.py",
        'following = {**start, "pageToken": token}',
        'following = {**start, "startOffset": bucket.full(last), "pageToken": ""}',
        _GCS,
        ("TestFakeGCS::test_more_entries_than_a_page",),
    ),
    Mutant(
        "azure writes the names of 2.8 without their slash",
        "drivers/azure/client.py",
        "return self.prefix + key",
        'return f"{self.prefix}{key}".lstrip("/")',
        _AZURE,
        ("TestLegacyNames::test_children_are_listed_once_and_sorted",),
    ),
    Mutant(
        "azure takes an append blob for a block blob",
        "drivers/azure/blobs.py",
        'answer.headers.get("x-ms-blob-type") == "AppendBlob"',
        "False",
        _AZURE,
        ("TestAppendBlobs::test_append_to_committed_content[40]",),
    ),
    Mutant(
        "azure looks for files below the root directory of the container",
        "drivers/azure/listing.py",
        '"prefix": client.full(prefix), ',
        '"prefix": prefix, ',
        _AZURE,
        ("TestDirectory::test_children_are_listed_once_and_sorted",),
    ),
    Mutant(
        "swift goes on after a key and not after the object of the key",
        "drivers/swift/store.py",
        'self._layout.file(start_after) if start_after and recursive else ""',
        'start_after if start_after and recursive else ""',
        _SWIFT,
        ("TestSwiftContainer::test_more_entries_than_a_page",),
    ),
    Mutant(
        "swift knows the uploads of one container without a prefix only",
        "drivers/swift/layout.py",
        'return self._segments + self._split(f"/{key}".encode().hex()) if key else self._segments',
        'return self._segments + self._split(f"/{key}".encode().hex()) if key else "segments/"',
        "swift/test_segments.py",
        ("TestOrphans::test_killed_upload_is_found_and_purged",),
    ),
    Mutant(
        "oss signs in version 4 with the parameter and not with the name of the region",
        "drivers/oss/requests.py",
        "SignerV4(credentials, parameters.region_id)",
        "SignerV4(credentials, parameters.region)",
        _OSS,
        ("TestSignedInVersion4::test_url_gives_the_content", "TestSignedInVersion4::test_list_of_a_file"),
    ),
    Mutant(
        "oss takes keys for deleted that a batch delete has passed over",
        "drivers/oss/deleting.py",
        "BatchOutcome(left=[key for key in keys if key not in deleted])",
        "BatchOutcome(left=[key for key in keys if key in deleted])",
        "oss/test_errors.py",
        ("test_keys_that_stay_are_reported_with_their_reasons",),
    ),
    Mutant(
        "oss asks the host that is the bucket for a bucket",
        "drivers/oss/parameters.py",
        'if not bucket or self.style == "cname":',
        'if not bucket or (self.style == "cname" and key):',
        _OSS,
        (
            "TestAtOwnHost::test_children_are_listed_once_and_sorted",
            "TestAtOwnHostOfABucket::test_uploads_are_listed_where_they_can_be_told",
        ),
    ),
    Mutant(
        "fsspec does not see that a listing shows the file itself",
        "drivers/fsspec/lookup.py",
        'own = path.strip("/")',
        "own = path",
        _GENERIC,
        ("TestFile::test_list_of_a_file",),
    ),
    Mutant(
        "fsspec writes directly without a look at what is there",
        "drivers/fsspec/store.py",
        """            self._check_place(key)
            with self._writing(key) as attempt:
                attempt(lambda: self.files.write(key, data))""",
        """            with self._writing(key) as attempt:
                attempt(lambda: self.files.write(key, data))""",
        _GENERIC,
        ("TestObstoreDirect::test_name_of_a_file_and_a_directory[directory first]",),
    ),
    Mutant(
        "filesystem has no root before the first file",
        "drivers/filesystem/directories.py",
        "            if key:\n                raise FileNotFoundError",
        "            if True:\n                raise FileNotFoundError",
        _FILESYSTEM,
        ("TestConformanceOnANewRoot::test_empty_root_lists_nothing",),
    ),
    Mutant(
        "inmemory passes over what comes just after a directory",
        "drivers/inmemory/tree.py",
        "(below, directory, index + 1)",
        "(below, directory, index + 2)",
        _INMEMORY,
        ("TestConformance::test_everything_below_is_visited_in_order",),
    ),
    Mutant(
        "a walk that skips a directory skips those whose names go on",
        "adapter/walk.py",
        'self._skip = info.path + "/"',
        "self._skip = info.path",
        _INMEMORY,
        ("TestConformance::test_skip_dir_leaves_out_what_is_below",),
    ),
    Mutant(
        "a walk does not enter the directory that it begins in",
        "adapter/tree.py",
        "(below < start_after and not start_after.startswith(below))",
        "below < start_after",
        _GENERIC,
        ("TestFile::test_start_after_every_entry", "TestFile::test_walk_can_be_taken_up_where_it_stopped"),
    ),
)
