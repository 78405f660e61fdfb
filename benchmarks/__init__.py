"""Benchmarks of the project, on servers that they start themselves."""
