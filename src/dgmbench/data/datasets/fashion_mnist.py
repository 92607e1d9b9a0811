"""Fashion-MNIST: grey pictures of clothes, in the form and the split sizes of MNIST."""

from __future__ import annotations

from functools import partial

from dgmbench.data.dataset import Dataset, Origin
from dgmbench.data.download.sources import Debian
from dgmbench.data.formats import idx

_CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")

FASHION_MNIST = Dataset(
    "fashion-mnist",
    "images",
    about="grey pictures of clothes, 28 x 28, 60,000 for training and 10,000 for testing",
    citation="Xiao, Rasul, Vollgraf, arXiv 1708.07747, 2017",
    origins=(
        Origin(
            Debian(
                "dataset-fashion-mnist",
                "0.0~git20200523.55506a9-1",
                "dataset-fashion-mnist_0.0~git20200523.55506a9-1.deb",
                sha256="39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
                limit=35_000_000,
            ),
            partial(idx.parse_members, folder="./usr/share/datasets/fashion-mnist", suffix=".gz"),
        ),
        # the site has no https; the checksums stand in for it
        idx.web_origin(
            "the authors' Fashion-MNIST mirror",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            limit=30_000_000,
            sha256=(
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
    ),
    make=lambda arrays: idx.grey_splits("fashion-mnist", arrays, _CLASSES),
    sha256={
        "train": "8379e147a0ba92753f670907cf987eef7014023d4978c3e4ef3ee725d3876986",
        "train_labels": "a0853126d597b674e01d0418b8d599287242510379fbe4b99c6826e12e3d2278",
        "test": "df52ab0c905d8cd511d344dcd9910fcd17b595fa0b444c032d1523b748bdb38b",
        "test_labels": "416413b9db64db5c5f0cf8d447e0c628562b09dc65b57940a084a17aa3b07443",
    },
)
