"""``storagedriver://``: every storage driver as an fsspec filesystem, for pandas, Dask, Arrow and their kin.

::

    import pandas as pd

    options = {"driver": "s3", "parameters": {"bucket": "data", "region": "eu-west-1"}}
    frame = pd.read_parquet("storagedriver://sales/2024.parquet", storage_options=options)
"""

from storagedriver.filesystem.reading import ReadFile
from storagedriver.filesystem.system import StorageDriverFileSystem
from storagedriver.filesystem.writing import WriteFile

__all__ = ["ReadFile", "StorageDriverFileSystem", "WriteFile"]
