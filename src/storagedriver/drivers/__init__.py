"""The backends, one file or folder each: its parameters and its `Store`."""
