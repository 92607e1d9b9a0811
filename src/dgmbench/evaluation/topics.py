"""Now `dgmbench.metrics.topics`."""

from dgmbench.metrics.topics import document_completion, left_to_right, npmi_coherence, top_words, topic_diversity

__all__ = ["document_completion", "left_to_right", "npmi_coherence", "top_words", "topic_diversity"]
