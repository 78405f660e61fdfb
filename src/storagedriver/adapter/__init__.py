"""One implementation of the contract, over anything that can be written as a `Store`."""
