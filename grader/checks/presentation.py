"""Learn how a model was fed, and show it hidden images in the same way.

A batch that the model was seen to take is matched to the known public images: the layout is found by trying the few that exist, the
public image behind each row by correlation (which no per-channel affine map changes), and the map by least squares. Only a map that
gives the observed numbers back is accepted; anything else is said, not guessed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.model import Array, Text

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]

_SIDE = 32
_ROWS = 64  # the runner keeps fewer
_PLANE = _SIDE * _SIDE
_MATCHED = 0.9999
_KNOWN_SHARE = 0.2
_TOLERANCE = 2e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One way to lay out a batch of images; `to_nhwc` and `from_nhwc` are each other's inverse."""

    name: str
    to_nhwc: Callable[[Floats], Floats]
    from_nhwc: Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """How a model takes its images: `scale` and `offset` (3 values each) turn pixels 0..255 into what it was fed."""

    layout: Layout
    scale: Floats
    offset: Floats

    def present(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return uint8 NHWC `images` as the model was fed."""
        fed = self.layout.from_nhwc(images.astype(np.float64) * self.scale + self.offset)
        return np.ascontiguousarray(fed, dtype=np.float32)


class CannotPresent(Exception):  # noqa: N818 - a fact about the student's work that ends up in a finding
    """The way the model was fed could not be found out; `reason` says why."""

    def __init__(self, reason: Text) -> None:
        super().__init__(reason.en)
        self.reason = reason


_LAYOUTS = {
    4: (
        Layout(name="NHWC", to_nhwc=lambda x: x, from_nhwc=lambda x: x),
        Layout(name="NCHW", to_nhwc=lambda x: x.transpose(0, 2, 3, 1), from_nhwc=lambda x: x.transpose(0, 3, 1, 2)),
    ),
    2: (
        Layout(
            name="flat HWC",
            to_nhwc=lambda x: x.reshape(-1, _SIDE, _SIDE, 3),
            from_nhwc=lambda x: x.reshape(len(x), -1),
        ),
        Layout(
            name="flat CHW",
            to_nhwc=lambda x: x.reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1),
            from_nhwc=lambda x: x.transpose(0, 3, 1, 2).reshape(len(x), -1),
        ),
    ),
}


def learn_presentation(fed: Array, public: Pixels) -> Presentation:
    """Return how the batch `fed` was made of `public` images (uint8 NHWC); raises CannotPresent."""
    batch = np.asarray(fed[:_ROWS] if np.ndim(fed) else fed, dtype=np.float64)
    if batch.ndim not in _LAYOUTS or not len(batch) or not len(public):
        raise CannotPresent(Text(ru="модель получала не пакет изображений", en="what the model was fed is no batch of images"))
    if not (np.abs(batch) < np.finfo(np.float32).max).all():
        raise CannotPresent(Text(ru="на вход модели подавались не числа", en="the model was fed values that are not numbers"))
    unit_public = _unit(public.astype(np.float32))
    seen = False
    for layout in _LAYOUTS[batch.ndim]:
        try:
            images = layout.to_nhwc(batch)
        except ValueError:
            continue
        if images.shape[1:] != (_SIDE, _SIDE, 3):
            continue
        seen = True
        rows, similarity = _match(_unit(images.astype(np.float32)), unit_public)
        known = similarity >= _MATCHED
        # Augmentation leaves some rows as they are; those tell the layout and the map, the others say nothing about either.
        if known.sum() >= max(1, _KNOWN_SHARE * len(known)):
            return _fit(layout, images[known], public[rows[known]])
    if not seen:
        shape = "×".join(map(str, batch.shape[1:]))
        raise CannotPresent(
            Text(
                ru=f"модель получала данные формы {shape}, а не изображения 32×32×3",
                en=f"the model was fed data of shape {shape}, not images of 32×32×3",
            )
        )
    raise CannotPresent(
        Text(
            ru="то, что получала модель, не похоже на изображения её классов (чужие классы? каждый пиксель или каждая картинка "
            "нормированы по-своему? аугментация при проверке?)",
            en="what the model was fed matches no image of its classes (other classes? every pixel or every image normalised in its "
            "own way? augmentation in validation?)",
        )
    )


def _unit(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return every channel of every image centred and of length 1, shape (3, n, 1024); a flat channel stays zero."""
    planes = images.reshape(len(images), _PLANE, 3).transpose(2, 0, 1)
    centred = planes - planes.mean(axis=2, keepdims=True, dtype=np.float64).astype(np.float32)
    norm = np.linalg.norm(centred, axis=2, keepdims=True)
    # What rounding leaves of a flat channel is no pattern; one pixel that differs by one step leaves 40 times as much.
    pattern = norm > 1e-4 * np.abs(planes).max(axis=2, keepdims=True)
    unit: NDArray[np.float32] = np.divide(centred, norm, out=np.zeros_like(centred), where=pattern)
    return unit


def _match(images: NDArray[np.float32], public: NDArray[np.float32]) -> tuple[NDArray[np.intp], Floats]:
    """Return the most alike public image of each row, and how alike they are (1 = the same up to the affine map)."""
    # The sign of a channel's scale is free, hence the absolute value. A channel that is flat in both says nothing either way.
    similarity = np.zeros((images.shape[1], public.shape[1]))
    told = np.zeros_like(similarity)
    for channel in range(3):
        flat = [np.linalg.norm(side[channel], axis=1) == 0 for side in (images, public)]
        similarity += np.abs(images[channel] @ public[channel].T)
        told += ~(flat[0][:, None] & flat[1][None, :])
    matrix = np.divide(similarity, told, out=np.zeros_like(similarity), where=told > 0)
    rows = matrix.argmax(axis=1)
    return rows, matrix[np.arange(len(rows)), rows]


def _fit(layout: Layout, images: Floats, matched: Pixels) -> Presentation:
    scale, offset = np.zeros(3), np.zeros(3)
    for channel in range(3):
        pixels = matched[..., channel].astype(np.float64).ravel()
        values = images[..., channel].ravel()
        scale[channel], offset[channel] = np.polyfit(pixels, values, 1)
    residual = np.abs(matched * scale + offset - images).max()
    if residual > _TOLERANCE * max(1e-9, float(np.abs(scale).max()) * 255):
        raise CannotPresent(
            Text(
                ru="изображения перед моделью меняются не одинаково для всех пикселей канала",
                en="the images are changed before the model, and not by one scale and shift per channel",
            )
        )
    return Presentation(layout=layout, scale=scale, offset=offset)
