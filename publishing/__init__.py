"""Releases and what is rendered from them. Reads a passed candidate or a release, nothing upstream."""
