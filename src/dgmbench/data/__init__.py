"""Where data comes from and how it is cleaned.

``load_images``, ``load_corpus``, ``load_embeddings`` and ``load_points`` give a dataset by name and download it when
the cache has none. ``checksums`` says exactly which bytes those were.
"""

from dgmbench.data.catalogue import known_datasets
from dgmbench.data.corpus_folder import CorpusFolder, write_corpus_folder
from dgmbench.data.embeddings import Embeddings
from dgmbench.data.images import ImageSplits
from dgmbench.data.load.checksums import checksums
from dgmbench.data.load.corpus import load_corpus
from dgmbench.data.load.embeddings import load_embeddings
from dgmbench.data.load.images import load_images
from dgmbench.data.load.points import load_points
from dgmbench.data.points import PointSplits
from dgmbench.data.text import CorpusSplits
from dgmbench.data.zipf import ZipfTopics

__all__ = [
    "CorpusFolder",
    "CorpusSplits",
    "Embeddings",
    "ImageSplits",
    "PointSplits",
    "ZipfTopics",
    "checksums",
    "known_datasets",
    "load_corpus",
    "load_embeddings",
    "load_images",
    "load_points",
    "write_corpus_folder",
]
