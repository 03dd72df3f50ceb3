"""Why an image cannot be analysed at all, as types with a sentence for the person who sent it.

An image that can be read but shows no usable brain is no error: it ends with a quality verdict and
a refusal (:mod:`.quality`). :mod:`.server` tells which public error code each of them is."""


class InvalidImage(ValueError):
    """The image cannot be read as one three-dimensional volume."""


class UnreadableImage(InvalidImage):
    """The bytes are no NIfTI file, or end too early."""


class UnsupportedShape(InvalidImage):
    """The image has not exactly three dimensions, or more voxels than one analysis may hold."""


class UnsupportedVoxelType(InvalidImage):
    """The voxels are complex numbers or colours instead of one intensity each."""


class NonFiniteVoxels(InvalidImage):
    """The image holds NaN or infinite voxels."""


class UnusableOrientation(InvalidImage):
    """The affine is singular or not finite, so left cannot be told from right."""


class InvalidWeights(RuntimeError):
    """The weights are not the ones their manifest describes."""
