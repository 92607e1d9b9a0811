"""Compiled parts of the topic models: samplers, random numbers, likelihoods, inference for new documents."""
