"""Measures builds against a floor, over simulated companies of two sizes; see README.md beside this file."""
