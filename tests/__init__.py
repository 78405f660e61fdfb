"""The project's own tests, and the servers that they run against."""
