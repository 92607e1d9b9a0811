"""Benchmarks for deep generative models and topic models, on real data."""

__version__ = "0.1.0"
