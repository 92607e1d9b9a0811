"""Bringing a dataset's files into the cache, whole and checked, and reading what lies there."""
