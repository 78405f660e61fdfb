"""What each store cannot do, and why: the page's words for what the suites only count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from storagedriver.driver import Capabilities

__all__ = ["CHANGED", "LIMITS", "USUAL", "WHY", "unusual"]

#: What a store is expected to do; the page gives a reason for everything else.
USUAL = Capabilities(conflicts_detected="always", signs_urls=True)

_NO_URLS = "Nothing serves the files over HTTP."
_OWN_NAMES = "The filesystem itself has files or directories, and a name is one of the two."

#: By driver, capability and value.
WHY: Mapping[tuple[str, str, object], str] = {
    (
        "filesystem",
        "unfinished",
        "shown",
    ): "Uploads grow in place at their path, as the registry's do, so that it can go on with them.",
    ("filesystem", "key_and_prefix", False): _OWN_NAMES,
    ("filesystem", "empty_directories", True): "Directories are the disk's, and stay when the last file has gone.",
    ("filesystem", "signs_urls", False): _NO_URLS,
    ("inmemory", "unfinished", "shown"): "Uploads grow in place, as in the registry's driver of this name.",
    ("inmemory", "multiprocess", False): "The files are in the memory of one process, and each driver has its own.",
    ("inmemory", "signs_urls", False): _NO_URLS,
    (
        "s3",
        "unfinished",
        "shown_when_resumed",
    ): "No part but the last may be under 5 MiB. To go on after a short one, what there is "
    "is completed, which shows it at its path, and copied into a new upload.",
    (
        "s3",
        "conflicts_detected",
        "fresh",
    ): "Two writers that resumed one upload send parts of the same numbers. Amazon refuses "
    "to complete an upload with a part that was replaced; SeaweedFS takes it.",
    ("s3", "key_and_prefix", False): "For the histories on SeaweedFS alone, which completes no upload at a path that "
    "other files lie below.",
    (
        "oss",
        "unfinished",
        "shown_when_resumed",
    ): "As on S3. OSS itself would go on after 100 KiB, but a registry that shares the bucket could not.",
    ("oss", "conflicts_detected", "fresh"): "As on S3.",
    (
        "gcs",
        "conflicts_detected",
        "fresh",
    ): "Two writers that resumed one upload send to one session, which ignores what it has already.",
    ("azure", "unfinished", "shown"): "With `uploadblobtype: append` alone: append blobs have no uncommitted state, "
    "and only these can be resumed by a registry.",
    (
        "gcs",
        "unfinished",
        "hides",
    ): "The state of a closed upload is at the key itself, where a registry looks for it.",
    ("swift", "unfinished", "shown"): "Swift has no uploads: there are segments and a manifest, which is written at "
    "the first close, since a registry looks for it there.",
    ("fsspec", "multiprocess", False): "Over `memory://` alone: another process has another memory.",
    ("fsspec", "key_and_prefix", False): "Most filesystems have files or directories, and those of object stores do "
    "not agree on what a listing shows of a name that is both; so it is refused everywhere.",
    ("fsspec", "empty_directories", True): "Where the filesystem has directories (not on object stores), they stay.",
    (
        "fsspec",
        "server_side_copy",
        False,
    ): "fsspec does not tell whether a filesystem copies on the server; SFTP cannot, "
    "and adlfs does not wait for the end of a copy.",
    ("fsspec", "atomic_replace", False): "Where it is not known that a rename overwrites: with SFTP, SMB, HDFS and FTP "
    "that is up to the server.",
    ("fsspec", "read_only", True): "Where the filesystem removes no files: archives and HTTP.",
    ("fsspec", "signs_urls", False): "Of filesystems other than s3fs it is not known how to ask for a URL that works "
    "for HEAD.",
}

#: By driver: what it cannot do, and why, beyond the capabilities.
LIMITS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "azure": (
        ("Replace an append blob by a block blob in one step", "Azure refuses to; the old one is deleted first."),
        (
            "List the uploads that wait over committed content",
            "A listing does not tell; asking for the blocks of each blob would be a request a blob.",
        ),
        ("Drop uncommitted blocks by a request", "There is none: an empty blob is committed and deleted."),
        ("Begin a listing at a name", "Azure has no such parameter: what comes before is listed, and dropped."),
        ("Sign URLs with tokens", "A URL is signed with the account's key."),
        ("Work in an account with a hierarchical namespace", "It lists its directories as empty blobs."),
    ),
    "filesystem": (
        ("Keep what was committed while an upload runs", "`writer(path)` truncates the file, as the registry does."),
    ),
    "fsspec": (
        (
            "Put atomically where a rename does not overwrite",
            "SMB, HDFS and some servers of SFTP and FTP: the old file is renamed away first.",
        ),
        ("Tell a put from an upload of the same second", "The filesystem's own times may be whole seconds."),
        ("Walk in pages", "fsspec lists a directory at a time, and its `find` hides errors."),
        ("Keep two processes from making a name a file and a directory on object stores", "Nothing there compares."),
    ),
    "gcs": (
        (
            "Tell two writers of chunks apart that publish in the same moment",
            "A session cannot carry a precondition: storing its state changes the generation that it would name.",
        ),
        ("Send chunks of an upload in parallel", "A resumable session takes one after the other."),
        ("Sign URLs without a service account's key", "Default credentials may hold a token alone."),
    ),
    "inmemory": (("Be pickled", "The copy would have other files, so it raises an error."),),
    "oss": (
        ("Say of a batch which keys were not deleted", "OSS is silent: those are deleted again, one by one."),
        ("Sign URLs for more than seven days", "The driver's limit, as version 4 of the signature has it."),
    ),
    "s3": (
        ("Tell a put from an upload of the same second", "Times have a resolution of one second."),
        ("Copy more than 5 GiB in one request", "S3's limit: larger objects are copied in parts."),
        ("Tell a missing object from a refused one without the right to list", "S3 answers 403 for both."),
        ("Sign URLs for more than seven days", "S3's limit."),
    ),
    "swift": (
        (
            "Compare and swap a manifest",
            "Swift has no such precondition: of two commits within some milliseconds the later one wins whole.",
        ),
        (
            "Keep what was committed when an upload is cancelled that was closed before",
            "The manifest has replaced it at the first close.",
        ),
        ("Show the size of a large object in a listing", "Swift lists manifests with 0 bytes: each is asked for."),
        ("Serve signed URLs of more than ten segments fast", "Swift gives one segment a second from the eleventh on."),
    ),
}

_NO_FORK = "obstore has threads that do not survive a fork: its calls hang in the child."
_ABORTS = "obstore aborts now and then when its process ends."
_ONE_OR_THE_OTHER = (
    "SeaweedFS completes no upload at a path that other files lie below, which histories run into. They run in a class "
    "of their own, without names that are both."
)

#: Why a case is replaced or left out, by driver, server and case.
CHANGED: Mapping[tuple[str, str, str], str] = {
    ("gcs", "gcp_emulator", "test_url_for_head_gives_the_size"): "The emulator knows no HEAD: it is held to its 501.",
    (
        "gcs",
        "gcp_emulator",
        "test_more_entries_than_a_page",
    ): "The emulator gives all of a listing on one page, and takes long for it: it is asked with `--slow` alone.",
    ("s3", "seaweedfs", "test_histories_agree_with_a_model"): _ONE_OR_THE_OTHER,
    ("fsspec", "moto_s3", "test_driver_can_be_used_after_a_fork"): _NO_FORK,
    ("fsspec", "moto_s3", "test_upload_goes_on_in_another_process"): _ABORTS,
    ("fsspec", "moto_s3", "test_driver_can_be_sent_to_another_process"): _ABORTS,
    ("fsspec", "moto_s3", "test_error_can_be_sent_from_another_process"): _ABORTS,
}


def unusual(capabilities: Capabilities) -> dict[str, object]:
    """The capabilities that want a reason."""
    values = {field.name: getattr(capabilities, field.name) for field in fields(Capabilities)}
    return {name: value for name, value in values.items() if value != getattr(USUAL, name)}
