"""The storage of a registry: what lies where, what is broken, what takes the space, and what nothing refers to."""
