"""zarr, whose store awaits a filesystem on a loop of its own, and xarray on top of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from storagedriver.filesystem import StorageDriverFileSystem
from tests.tools.conftest import Options, paths

zarr: Any = pytest.importorskip("zarr", minversion="3", reason="zarr 3 needs Python 3.11")


@pytest.mark.parametrize("more", [{}, {"asynchronous": True}], ids=["", "asynchronous"])
def test_a_group(options: Options, more: Options) -> None:
    given = {**options, **more}
    group = zarr.open_group("storagedriver://a.zarr", mode="w", storage_options=given)
    array = group.create_array("numbers", shape=(20, 20), chunks=(10, 10), dtype="f8")
    array[:] = np.arange(400).reshape(20, 20)
    array[5:15, 5:15] = 0
    again = zarr.open_group("storagedriver://a.zarr", mode="r", storage_options=given)["numbers"]
    expected = np.arange(400.0).reshape(20, 20)
    expected[5:15, 5:15] = 0
    assert (again[:] == expected).all()
    assert len(paths(options)) == 6
    del group["numbers"]
    assert paths(options) == ["/a.zarr/zarr.json"]
    zarr.open_group("storagedriver://a.zarr", mode="w", storage_options=given)
    with pytest.raises(FileNotFoundError):
        zarr.open_group("storagedriver://none.zarr", mode="r", storage_options=given)


def test_a_store(options: Options) -> None:
    store = zarr.storage.FsspecStore.from_url("storagedriver://b.zarr", storage_options=options)
    array = zarr.create_array(store=store, shape=(10,), chunks=(5,), dtype="i4")
    array[:] = np.arange(10)
    again = zarr.open_array(store, mode="r")
    assert again[:].sum() == 45
    mapped = zarr.storage.FsspecStore.from_mapper(StorageDriverFileSystem(**options).get_mapper("/b.zarr"))
    of_the_mapper = zarr.open_array(mapped, mode="r")
    assert of_the_mapper[3] == 3


def test_a_dataset_of_xarray(options: Options) -> None:
    data = xr.Dataset({"t": ("x", np.arange(10.0))}, coords={"x": np.arange(10)})
    url = "storagedriver://c.zarr"
    data.to_zarr(url, mode="w", consolidated=False, storage_options=options)
    more = data.assign_coords(x=np.arange(10, 20))
    more.to_zarr(url, append_dim="x", consolidated=False, storage_options=options)
    with xr.open_zarr(url, consolidated=False, storage_options=options) as read:
        assert dict(read.sizes) == {"x": 20}
        assert float(read["t"].sum()) == 90
        assert float(read["t"].sel(x=15)) == 5
