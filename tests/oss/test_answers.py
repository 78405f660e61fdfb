"""Listings that are cut, and sizes that no answer says."""

from __future__ import annotations

import pytest

from tests.cut_listings import CutListings, Proxied


class TestCutListings(CutListings):
    listing = "storagedriver.drivers.oss.listing"

    @pytest.fixture
    def behind(self, proxied: Proxied) -> Proxied:
        return proxied
