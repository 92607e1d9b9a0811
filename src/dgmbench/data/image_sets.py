"""What one path holds of images: the arrays of a .npz or .npy file, or a folder of PNG files, with a folder a class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dgmbench.data.formats.npy import npz_names, read_npy, read_npz
from dgmbench.data.formats.png import read_png
from dgmbench.data.part_folders import part_folders, part_of
from dgmbench.data.user_images import warn_once
from dgmbench.errors import UserError, counted

WHOLE = ""
"""The name of a set of images that is not divided into parts."""
_IMAGES = ("", "x", "image", "images", "data", "pixels")
_LABELS = ("y", "label", "labels", "target", "targets")


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images that belong together.

    Attributes:
        images: (n, ...) of any numbers, as the file has them.
        labels: (n, ...) of whole numbers or text, None where there are none.
    """

    images: np.ndarray
    labels: np.ndarray | None = None


def read_sets(path: Path, label: str = "") -> dict[str, ImageSet]:
    """The sets that a file or folder holds, by part: ``train``, ``valid``, ``test``, or `WHOLE`.

    A .npz file names its arrays by the part and ``x`` or ``images``, ``y`` or ``labels`` (``x_train``,
    ``test_labels``); without a part they are not divided. In a folder, the folders ``train`` and ``test`` are
    parts. The names of parts are those of `part_of`.

    Args:
        label: what labels are called in a .npz file, if otherwise.

    Raises:
        UserError: what is missing or wrong, in which file.
    """
    if path.suffix.lower() == ".npz":
        return _of_npz(path, label)
    if label:
        raise UserError(f"{path}: only a .npz file has labels by name; leave the option label out")
    if path.suffix.lower() == ".npy":
        return {WHOLE: ImageSet(read_npy(path))}
    return {part: _of_folder(folder) for part, folder in _part_folders(path).items()}


def image_files_in(path: Path) -> list[Path]:
    """The files that `read_sets` reads: the file itself, or the .png files of a folder, sorted.

    Raises:
        UserError: there is nothing of that kind.
    """
    if not path.exists():
        raise UserError(f"no file or folder {path}")
    if not path.is_dir():
        if path.suffix.lower() not in (".npz", ".npy"):
            raise UserError(f"{path}: give a .npz file, a .npy file or a folder of .png files")
        return [path]
    found = [file for folder in _part_folders(path).values() for file, _ in _png_files(folder)]
    if not found:
        raise UserError(f"{path} holds no .png files, nor folders of them")
    return sorted(found)


def _of_npz(path: Path, label: str) -> dict[str, ImageSet]:
    names = npz_names(path)
    places: dict[tuple[str, bool], str] = {}
    for name in names:
        part, is_images = _meaning(name, label)
        if len(names) == 1 and is_images is None:  # whatever it is called
            is_images = True
        if is_images is None:
            warn_once(f"{path}: the array {name!r} is not used")
        elif (part, is_images) in places:
            raise UserError(f"{path}: {places[part, is_images]!r} and {name!r} mean the same; keep one")
        else:
            places[part, is_images] = name
    if label and not any(not is_images for _, is_images in places):
        raise UserError(f"{path} has no array {label!r} for labels; it has {', '.join(names)}")
    arrays = read_npz(path, list(places.values()))
    found = {part: ImageSet(arrays[name]) for (part, is_images), name in places.items() if is_images}
    for (part, is_images), name in places.items():
        if not is_images and part not in found:
            raise UserError(f"{path}: {name!r} are labels of no images")
        if not is_images:
            found[part] = ImageSet(found[part].images, arrays[name])
    if not found:
        held = ", ".join(names) or "nothing"
        raise UserError(f"{path} has no images: name the arrays train and test, or images; it has {held}")
    return found


def _meaning(name: str, label: str) -> tuple[str, bool | None]:
    """The part that an array of a .npz file belongs to, and whether it is images, or labels; None for neither."""
    words = name.lower().split("_")
    part = next(filter(None, map(part_of, words)), WHOLE)
    rest = "_".join(word for word in words if not part_of(word))
    if rest in ((label.lower(),) if label else _LABELS):
        return part, False
    return part, True if rest in _IMAGES else None


def _part_folders(path: Path) -> dict[str, Path]:
    """The folders of the parts, or the whole folder where none is named so."""
    inside = [folder for folder in _entries(path) if folder.is_dir()]
    found = part_folders(path, inside)
    others = [folder.name for folder in inside if folder not in found.values()]
    if found and others:
        names = " and ".join(folder.name for folder in found.values())
        raise UserError(f"{path} has {names} beside {others[0]}; put every class folder into one of the parts")
    return found or {WHOLE: path}


def _of_folder(folder: Path) -> ImageSet:
    """The images of a folder of PNG files, or of a folder a class, in the order of their names."""
    files = _png_files(folder)
    if not files:
        raise UserError(f"{folder} holds no .png files")
    _warn_of_others(folder)
    without = sum(not label for _, label in files)
    if 0 < without < len(files):
        alone = next(file for file, label in files if not label)
        raise UserError(f"{alone} lies beside class folders; put it into one of them")
    first = read_png(files[0][0])
    images = np.empty((len(files), *first.shape), np.uint8)
    for place, (file, _) in enumerate(files):
        image = read_png(file)
        if image.shape != first.shape:
            raise UserError(
                f"{file} has {image.shape[1]} x {image.shape[0]} pixels, and {files[0][0]} {first.shape[1]} x "
                f"{first.shape[0]}; give images of one size"
            )
        images[place] = image
    return ImageSet(images, None if without else np.array([label for _, label in files]))


def _png_files(folder: Path) -> list[tuple[Path, str]]:
    """The .png files of a folder and of the class folders in it, each with its class: empty for the folder itself."""
    found = [(file, "") for file in _entries(folder) if _is_png(file)]
    for inside in filter(Path.is_dir, _entries(folder)):
        for file in _entries(inside):
            if file.is_dir():
                raise UserError(f"{file} lies too deep; give a folder a class, and no folders in it")
            if _is_png(file):
                found.append((file, inside.name))
    return found


def _is_png(path: Path) -> bool:
    return path.suffix.lower() == ".png" and not path.is_dir()


def _entries(folder: Path, hidden: bool = False) -> list[Path]:
    """What lies in a folder, in the order of the names; hidden files are those whose name begins with a dot."""
    try:
        return sorted(entry for entry in folder.iterdir() if entry.name.startswith(".") == hidden)
    except OSError as error:
        raise UserError(f"cannot read {folder}: {error.strerror}") from error


def _warn_of_others(folder: Path) -> None:
    """Say what in a folder is no image: hidden files, and files with another ending."""
    folders = [folder, *filter(Path.is_dir, _entries(folder))]
    hidden = sum(len(_entries(each, hidden=True)) for each in folders)
    others = [file for each in folders for file in _entries(each) if not file.is_dir() and not _is_png(file)]
    if hidden or others:
        example = f", {others[0].name} for one" if others else ""
        warn_once(
            f"{folder}: {counted(hidden, 'hidden file')} and {len(others)} without the ending .png are skipped{example}"
        )
