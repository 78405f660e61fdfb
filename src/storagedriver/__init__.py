"""The storage layer of container registries, over any fsspec filesystem.

Drivers are made by name, with the registry's own parameters::

    from storagedriver import factory

    driver = factory.create("filesystem", {"rootdirectory": "/var/lib/registry"})
"""

from storagedriver import factory
from storagedriver.__about__ import VERSION
from storagedriver.driver import (
    Capabilities,
    FileInfo,
    FileReader,
    FileWriter,
    SkipDir,
    StopWalk,
    StorageDriver,
    UploadInfo,
)
from storagedriver.errors import (
    BucketNotFoundError,
    BucketNotMadeError,
    ConflictError,
    IntegrityError,
    InvalidAnswerError,
    InvalidMiddlewareError,
    InvalidOffsetError,
    InvalidPathError,
    InvalidStorageDriverError,
    MissingExtraError,
    ParameterError,
    PathNotFoundError,
    PermissionDeniedError,
    ReadOnlyError,
    StorageDriverError,
    StorageDriverWarning,
    UnavailableError,
    UnsupportedMethodError,
)

__all__ = [
    "BucketNotFoundError",
    "BucketNotMadeError",
    "Capabilities",
    "ConflictError",
    "FileInfo",
    "FileReader",
    "FileWriter",
    "IntegrityError",
    "InvalidAnswerError",
    "InvalidMiddlewareError",
    "InvalidOffsetError",
    "InvalidPathError",
    "InvalidStorageDriverError",
    "MissingExtraError",
    "ParameterError",
    "PathNotFoundError",
    "PermissionDeniedError",
    "ReadOnlyError",
    "SkipDir",
    "StopWalk",
    "StorageDriver",
    "StorageDriverError",
    "StorageDriverWarning",
    "UnavailableError",
    "UnsupportedMethodError",
    "UploadInfo",
    "__version__",
    "factory",
]

__version__ = VERSION
