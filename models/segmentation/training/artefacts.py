"""What a scanner adds to a head: blur, thick slices, uneven coils, noise, motion, cut ends."""

import numpy as np
import torch
from torch.nn import functional

# Images are (1, 1, d, h, w).


def blurred(image: torch.Tensor, sigma: np.ndarray) -> torch.Tensor:
    """By a Gaussian of ``sigma`` voxels along each axis."""
    for axis, deviation in enumerate(sigma):
        if deviation < 0.15:
            continue
        reach = max(1, int(np.ceil(2.5 * deviation)))
        kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1).float() / deviation) ** 2)
        shape, padding = [1] * 5, [0] * 3
        shape[2 + axis], padding[axis] = 2 * reach + 1, reach
        image = functional.conv3d(image, (kernel / kernel.sum()).view(shape), padding=padding)
    return image


def thick_slices(image: torch.Tensor, random: np.random.Generator, voxel_mm: float) -> torch.Tensor:
    """Averaged to slices of 2.5 to 7 mm along one axis, and interpolated back."""
    size = list(image.shape[2:])
    axis = int(random.choice(3, p=[0.25, 0.25, 0.5]))
    slices = list(size)
    slices[axis] = max(8, round(size[axis] * voxel_mm / random.uniform(2.5, 7.0)))
    if slices[axis] >= size[axis]:
        return image
    thick = functional.adaptive_avg_pool3d(image, slices)
    return functional.interpolate(thick, size, mode="trilinear", align_corners=False)


def uneven(image: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """With the bias field of a receive coil."""
    knots = int(random.integers(3, 6))
    field = random.normal(0, random.uniform(0, 0.3), (1, 1, knots, knots, knots))
    smooth = functional.interpolate(
        torch.from_numpy(field.astype(np.float32)),
        image.shape[2:],
        mode="trilinear",
        align_corners=True,
    )
    return image * torch.exp(smooth)


def noisy(image: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """With noise of random strength, as magnitude or cut at nought."""
    image = image + random.uniform(0, 10) * random.random() * torch.randn_like(image)
    return image.clamp_min(0) if random.random() < 0.7 else image.abs()


def moved(image: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """As if the head had moved while some lines of k-space were read."""
    axis = int(random.integers(2, 5))
    spectrum = torch.fft.fft(image, dim=axis)
    lines = image.shape[axis]
    frequency = torch.fft.fftfreq(lines)
    shift = torch.zeros(lines)
    for _ in range(int(random.integers(1, 4))):
        start = random.uniform(0.05, 0.45)
        shift = torch.where(frequency.abs() > start, shift + random.normal(0, 1.2), shift)
    shape = [1] * 5
    shape[axis] = lines
    phase = torch.exp(-2j * torch.pi * (frequency * shift)).view(shape)
    return torch.fft.ifft(spectrum * phase, dim=axis).abs()


def cut(
    image: torch.Tensor, classes: torch.Tensor, random: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """A field of view that ends inside the head; beyond it nothing is to be found."""
    axis = int(random.choice(3, p=[0.15, 0.15, 0.7]))
    length = image.shape[2 + axis]
    gone = int(length * random.uniform(0.08, 0.3))
    part = slice(0, gone) if random.random() < 0.5 else slice(length - gone, length)
    where = (*[slice(None)] * axis, part)
    image[(0, 0, *where)] = 0
    classes[(slice(None), *where)] = 0
    return image, classes


def normalised(image: torch.Tensor) -> torch.Tensor:
    """The 0.5th and 99.5th percentile become 0 and 1, as the product does."""
    some = image.flatten()[::7]
    low, high = torch.quantile(some, torch.tensor([0.005, 0.995]))
    return ((image - low) / (high - low + 1e-6)).clamp(0, 1)
