"""docs/matrix.md, made from a run: ``pytest --matrix=docs/matrix.md``."""
