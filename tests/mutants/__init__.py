"""Drivers with one fault each, made by changing a line of the sources, and the cases that must find it."""
