"""The network: a 3-D U-Net that works on a grid twice as coarse as its image."""

import torch
from torch import nn
from torch.nn import functional

WIDTHS = (32, 64, 96, 128)


class _Block(nn.Sequential):
    def __init__(self, channels: int, width: int) -> None:
        layers: list[nn.Module] = []
        for inputs in (channels, width):
            layers += [
                nn.Conv3d(inputs, width, 3, padding=1, bias=False),
                nn.InstanceNorm3d(width, affine=True),
                nn.LeakyReLU(0.05, inplace=True),
            ]
        super().__init__(*layers)


class _UNet(nn.Module):
    """Max-pooling down, nearest neighbour up, skips between."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.enc = nn.ModuleList()
        for width in WIDTHS:
            self.enc.append(_Block(channels, width))
            channels = width
        self.dec = nn.ModuleList()
        for width in reversed(WIDTHS[:-1]):
            self.dec.append(_Block(channels + width, width))
            channels = width
        self.head = nn.Conv3d(channels, outputs, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        skips: list[torch.Tensor] = []
        for level, encode in enumerate(self.enc):
            image = encode(image if level == 0 else functional.max_pool3d(image, 2))
            skips.append(image)
        skips.pop()
        for decode in self.dec:
            image = functional.interpolate(image, scale_factor=2.0, mode="nearest")
            image = decode(torch.cat([image, skips.pop()], 1))
        return self.head(image)


class ShuffleUNet(nn.Module):
    """Turns 2x2x2 voxels into eight channels and back: nothing is averaged away.

    Parameters
    ----------
    classes
        Channels of the output.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.core = _UNet(8, 8 * classes)
        self.classes = classes

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits ``(b, classes, d, h, w)`` of images ``(b, 1, d, h, w)``; sides divisible by 16."""
        b, _, d, h, w = image.shape
        coarse = (d // 2, h // 2, w // 2)
        split = image.view(b, coarse[0], 2, coarse[1], 2, coarse[2], 2)
        folded = split.permute(0, 2, 4, 6, 1, 3, 5).reshape(b, 8, *coarse)
        logits = self.core(folded).view(b, self.classes, 2, 2, 2, *coarse)
        return logits.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(b, self.classes, d, h, w)


def grown(state: dict[str, torch.Tensor], parents: list[int]) -> dict[str, torch.Tensor]:
    """Weights of a network with fewer classes, for one with more.

    Parameters
    ----------
    state
        Of a :class:`ShuffleUNet`.
    parents
        By class of the new network: the class of the old one whose head it starts from.
    """
    state = dict(state)
    for name in ("core.head.weight", "core.head.bias"):
        old = state[name]
        per_class = old.view(old.shape[0] // 8, 8, *old.shape[1:])
        state[name] = per_class[parents].reshape(8 * len(parents), *old.shape[1:]).clone()
    return state
