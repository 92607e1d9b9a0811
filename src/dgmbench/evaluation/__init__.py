"""Measures that know no particular model: each takes arrays, features or log-weights and returns numbers."""
