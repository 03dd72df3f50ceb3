"""Synthetic images with their truth: a label map, deformed, coloured at random and degraded.

Domain randomisation after Billot et al., SynthSeg (Medical Image Analysis 2023,
https://doi.org/10.1016/j.media.2023.102789); own code.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch.nn import functional

from training import artefacts
from training.classes import LABELS, TrainingClass
from training.contrast import Contrast, ContrastSource, Shares
from training.geometry import Geometry, Size
from training.label_maps import LabelMaps
from training.lesions import one_large_lesion, small_lesions


@dataclass(frozen=True)
class Recipe:
    """How often each thing happens to an image."""

    shares: Shares = field(default_factory=Shares)
    texture: float = 0.5
    small_lesions: float = 0.35
    large_lesion: float = 0.12
    vessels: float = 0.5
    """of the images with a contrast agent"""
    skull_stripped: float = 0.20
    thick_slices: float = 0.25
    motion: float = 0.08
    cut: float = 0.12


class Synthesis:
    """Makes images one after the other; the same seed makes the same images.

    Parameters
    ----------
    maps
        What to draw from.
    size, voxel_mm
        Of the images.
    recipe
        Shares and probabilities.
    seed
        Of numpy's generator; torch's is seeded from it at each image.
    """

    def __init__(
        self, maps: LabelMaps, size: Size, voxel_mm: float, recipe: Recipe, seed: int
    ) -> None:
        self._maps = torch.from_numpy(maps.maps)
        class_of = {label: kind for kind, labels in LABELS.items() for label in labels}
        self._classes = torch.tensor([int(class_of.get(value, 0)) for value in maps.values])
        self._contrasts = ContrastSource(maps.values, recipe.shares)
        self._geometry = Geometry(size, voxel_mm)
        self._size, self._voxel_mm, self._recipe = size, voxel_mm, recipe
        self._random = np.random.default_rng(seed)

    def __call__(self, kind: str | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """An image ``(1, 1, d, h, w)`` in 0..1 and its classes ``(4, d, h, w)``.

        The classes are those at four points of each voxel.
        """
        random, recipe = self._random, self._recipe
        torch.manual_seed(int(random.integers(2**62)))
        labels = self._maps[int(random.integers(len(self._maps)))]
        found = self._geometry.samples(labels, self._geometry.deform(random)).int()
        contrast = self._contrasts.draw(random, kind)
        classes = self._classes[found]
        image = self._coloured(found, contrast)
        image, classes = self._with_lesions(image, classes, contrast)
        if contrast.agent and random.random() < recipe.vessels:
            image = self._with_vessels(image, classes)
        image = image[None, None]
        if random.random() < recipe.texture:
            image = image + self._texture()
        if random.random() < recipe.skull_stripped:
            image, classes = self._stripped(image, classes)
        image = artefacts.blurred(image, random.uniform(0, 0.8, 3) * random.uniform(0, 1))
        if random.random() < recipe.thick_slices:
            image = artefacts.thick_slices(image, random, self._voxel_mm)
        if random.random() < recipe.motion:
            image = artefacts.moved(image, random)
        image = artefacts.noisy(artefacts.uneven(image, random), random)
        if random.random() < recipe.cut:
            image, classes = artefacts.cut(image, classes, random)
        image = artefacts.normalised(image)
        return image ** float(np.exp(random.normal(0, 0.25))), classes

    def _coloured(self, found: torch.Tensor, contrast: Contrast) -> torch.Tensor:
        mean = sum(contrast.mean[sample] for sample in found) / len(found)
        return mean + contrast.deviation[found[-1]] * torch.randn(self._size)

    def _with_lesions(
        self, image: torch.Tensor, classes: torch.Tensor, contrast: Contrast
    ) -> tuple[torch.Tensor, torch.Tensor]:
        random, recipe = self._random, self._recipe
        where = torch.zeros_like(classes, dtype=torch.bool)
        brightness = contrast.lesion
        if random.random() < recipe.small_lesions:
            where |= small_lesions(classes, random)
        if random.random() < recipe.large_lesion:
            where |= one_large_lesion(classes, random, self._voxel_mm)
            if random.random() < 0.4:  # a cavity, a bleeding, a tumour: any brightness
                brightness = float(random.uniform(0, 255))
        if not where.any():
            return image, classes
        share = where.float().mean(0)
        spread = float(random.uniform(2, 14))
        painted = brightness + spread * torch.randn(self._size)
        image = image * (1 - share) + painted * share
        return image, torch.where(where, int(TrainingClass.LESION), classes)

    def _with_vessels(self, image: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        """Bright tubes in the fluid around the brain; they stay fluid in the truth."""
        random = self._random
        fluid = (classes[0] == TrainingClass.CSF).nonzero()
        if len(fluid) == 0:
            return image
        tubes = torch.zeros(self._size)
        for _ in range(int(random.integers(3, 12))):
            place = fluid[int(random.integers(len(fluid)))].numpy().astype(float)
            heading = random.normal(size=3)
            for _ in range(int(random.integers(10, 60))):
                heading = heading + random.normal(0, 0.35, 3)
                place = place + heading / np.linalg.norm(heading)
                index = tuple(int(i) for i in place.round())
                if any(not 0 <= i < n for i, n in zip(index, self._size, strict=True)):
                    break
                tubes[index] = 1
        width = 3 if random.random() < 0.6 else 5
        tubes = functional.max_pool3d(tubes[None, None], width, 1, width // 2)[0, 0]
        tubes = tubes * (classes[0] == TrainingClass.CSF)
        return image * (1 - tubes) + random.uniform(170, 255) * tubes

    def _texture(self) -> torch.Tensor:
        knots = int(self._random.integers(8, 24))
        noise = torch.randn(1, 1, knots, knots, knots)
        smooth = functional.interpolate(noise, self._size, mode="trilinear")
        return self._random.uniform(0, 8) * smooth

    def _stripped(
        self, image: torch.Tensor, classes: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Without what lies outside the brain, cut tightly, well or widely."""
        how = self._random.random()
        keep = (classes[-1] > 0)[None, None].float()
        if how < 0.4:
            keep = (classes[-1] > TrainingClass.CSF)[None, None].float()
            keep = -functional.max_pool3d(-functional.max_pool3d(keep, 5, 1, 2), 3, 1, 1)
        elif how > 0.75:
            width = 3 if self._random.random() < 0.5 else 5
            keep = functional.max_pool3d(keep, width, 1, width // 2)
        return image * keep, classes * (keep[0, 0] > 0)[None]
