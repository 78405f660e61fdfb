"""Against Debian's docker-registry: one storage, one map of parameters, two programs."""
