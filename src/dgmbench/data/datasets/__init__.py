"""The datasets, one file each: where it comes from, how it is parsed and split, and its checksums.

A new dataset is a new module here that holds a `Dataset`; the catalogue finds it.
"""
