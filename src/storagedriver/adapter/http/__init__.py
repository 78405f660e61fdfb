"""HTTP for the remote drivers: everything that happens to a request between a signature and an answer."""
