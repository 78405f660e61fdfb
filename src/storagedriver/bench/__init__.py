"""Measuring storage: streams, small objects, listings and trees, by a driver and by its peers in turns."""
