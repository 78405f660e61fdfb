"""The storage of a registry: what is kept where, what is broken, what takes the space, and what nothing refers to."""
