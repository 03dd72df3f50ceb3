"""From an image to labels, measurements and a picture: the one entry point of the engine.

The same image gives the same labels, numbers and picture; only the times in the provenance differ.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import nibabel as nib
import numpy as np
import onnxruntime
import scipy
from numpy.typing import NDArray

import mri_segmentation
from mri_analysis.contracts.segmentation import (
    Contrast,
    Engine,
    Measurements,
    Quality,
    RatioMeasurement,
    VolumeMeasurement,
)
from mri_segmentation import quality, refinement
from mri_segmentation.labels import FREESURFER_NAMES, freesurfer_labels
from mri_segmentation.limits_of_use import NOT_ASSESSED, NOT_REFINED
from mri_segmentation.measurement import (
    LabelledBox,
    brain_parenchymal_fraction,
    evans_index,
    measure_volumes,
)
from mri_segmentation.midsagittal import MidsagittalPlane, fit_plane
from mri_segmentation.montage import draw_montage, draw_slices
from mri_segmentation.network import Network
from mri_segmentation.parcellation import (
    CoarseMap,
    Parcellation,
    find_structures,
    has_signal,
    parcellate,
)
from mri_segmentation.volume import Volume, canonical_volume

ENGINE_NAME = "mri-segmentation"


@dataclass(frozen=True)
class Analysis:
    """What :func:`analyse` gives.

    Attributes
    ----------
    labels : nibabel image of uint8
        FreeSurfer ids on the grid and the affine of the input.
    measurements : Measurements
    montage_png : bytes
        Slices with outlines of the labels.
    slices_png : bytes
        The same slices as they are.
    """

    labels: nib.Nifti1Image
    measurements: Measurements
    montage_png: bytes
    slices_png: bytes


@dataclass
class _Stopwatch:
    """Wall seconds of the named steps."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 3)


@dataclass(frozen=True)
class _Segmentation:
    """Everything known of the content of a volume."""

    box: tuple[slice, slice, slice]
    labelled: LabelledBox
    volumes: list[VolumeMeasurement]
    ratios: list[RatioMeasurement]
    quality: Quality
    t1_like: bool


def analyse(image: nib.Nifti1Image, network: Network) -> Analysis:
    """Segment and measure ``image``.

    Parameters
    ----------
    image : nibabel image
        One volume of any orientation and real voxel type.
    network : Network

    Raises
    ------
    InvalidImage
        One of its kinds, where the image is not one readable volume. An image that shows no usable
        brain raises nothing: its ``measurements.quality`` carries verdict and refusal.
    """
    watch = _Stopwatch()
    cpu_started = time.process_time()
    with watch.step("read"):
        volume = canonical_volume(image)
    found = _segment(volume, network, watch) if has_signal(volume) else None
    judged = found.quality if found else quality.judge(quality.grid_figures(volume, False))
    whole = np.zeros(volume.voxels.shape, np.uint8)
    version = f"{ENGINE_NAME} {mri_segmentation.__version__}"
    weights = f"weights {network.manifest.name} {network.manifest.version}"
    with watch.step("draw"):
        if found:
            whole[found.box] = found.labelled.tissues
        montage = draw_montage(volume, whole, judged, f"{version}, {weights}")
        slices = draw_slices(volume, whole)
    with watch.step("label"):
        if found:
            whole[found.box] = freesurfer_labels(found.labelled.tissues, found.labelled.right)
        labels = _label_image(volume.on_input_grid(whole), image)
    t1_like = found.t1_like if found else False
    measurements = Measurements(
        geometry=volume.geometry,
        contrast=Contrast.T1_LIKE if t1_like else Contrast.OTHER,
        volumes=found.volumes if found else [],
        ratios=found.ratios if found else [],
        quality=judged,
        not_assessed=[*NOT_ASSESSED, *([] if t1_like else [NOT_REFINED])],
        label_names=FREESURFER_NAMES,
        engine=Engine(
            name=ENGINE_NAME,
            version=mri_segmentation.__version__,
            weights_sha256=network.manifest.sha256,
            parameters=_parameters(network),
            libraries={
                "numpy": np.__version__,
                "scipy": scipy.__version__,
                "onnxruntime": onnxruntime.__version__,
                "nibabel": nib.__version__,
            },
            refined=t1_like,
            seconds=watch.seconds,
            cpu_seconds=round(time.process_time() - cpu_started, 3),
        ),
    )
    return Analysis(labels, measurements, montage, slices)


def _segment(volume: Volume, network: Network, watch: _Stopwatch) -> _Segmentation:
    with watch.step("network"):
        coarse = find_structures(volume, network)
    with watch.step("interpolate"):
        plane = fit_plane(coarse)
        parcellation = parcellate(volume, coarse)
        means = refinement.class_means(volume, parcellation)
    tissues = parcellation.tissues
    if means.t1_like:
        with watch.step("refine"):
            tissues = refinement.refine(volume, parcellation, means)
    with watch.step("measure"):
        return _measure(volume, coarse, plane, parcellation, tissues, means.t1_like)


def _measure(
    volume: Volume,
    coarse: CoarseMap,
    plane: MidsagittalPlane,
    parcellation: Parcellation,
    tissues: NDArray[np.uint8],
    t1_like: bool,
) -> _Segmentation:
    x, y, z = (
        (np.arange(s.start, s.stop) + 0.5) * volume.spacing_mm[axis]
        for axis, s in enumerate(parcellation.box)
    )
    labelled = LabelledBox(tissues, plane.right_of(x, y, z), (x, y, z), volume.voxel_ml)
    volumes = measure_volumes(labelled, coarse, plane)
    figures = quality.gather(
        volume, coarse, plane, labelled, parcellation.box, volumes, t1_like=t1_like
    )
    judged = quality.judge(figures)
    ratios = [brain_parenchymal_fraction(volumes), evans_index(labelled, plane)]
    if judged.refusal == "NotABrain":
        # A number, a label or an outline would look like a measurement of something.
        volumes, ratios = [], []
        labelled = replace(labelled, tissues=np.zeros_like(tissues))
    return _Segmentation(
        box=parcellation.box,
        labelled=labelled,
        volumes=volumes,
        ratios=[ratio for ratio in ratios if ratio is not None],
        quality=judged,
        t1_like=t1_like,
    )


def _parameters(network: Network) -> dict[str, float | int | str | bool]:
    return {
        "network_voxel_mm": network.manifest.voxel_mm,
        "mirrored_pass": True,
        "refinement_iterations": refinement.ITERATIONS,
        "potts_beta": refinement.POTTS_BETA,
        "prior_weight": refinement.PRIOR_WEIGHT,
        "bias_sigma_mm": refinement.BIAS_SIGMA_MM,
    }


def _label_image(labels: NDArray[np.uint8], image: nib.Nifti1Image) -> nib.Nifti1Image:
    """``labels`` with the spatial header of ``image`` and nothing else of it: a header has free
    text."""
    result = type(image)(labels, image.affine)
    result.header.set_xyzt_units("mm")
    if isinstance(image, nib.Nifti1Pair):
        for name in ("qform", "sform"):
            affine, code = getattr(image.header, f"get_{name}")(coded=True)
            if affine is not None:
                getattr(result.header, f"set_{name}")(affine, int(code))
    return result
