"""The generic store and the driver ``fsspec``."""
