"""The studies the corpus writes about: each a different mixture of statuses and gaps."""

from mri_analysis.contracts.segmentation import Contrast, Measurements, Structure, Verdict
from tests.support.measurements import some_measurements

STUDIES: dict[str, Measurements] = {
    "ordinary": some_measurements(),
    "stroke": some_measurements(
        volumes_ml={Structure.VENTRICLES: 42.0},
        asymmetry_percent={Structure.VENTRICLES: 63.0, Structure.CSF: 27.0},
        evans_index=0.34,
    ),
    "atrophy": some_measurements(
        volumes_ml={
            Structure.CSF: 430.0,
            Structure.VENTRICLES: 96.4,
            Structure.CORTEX: 412.0,
            Structure.WHITE_MATTER: 371.0,
        },
        asymmetry_percent={Structure.VENTRICLES: -6.1, Structure.THALAMUS: -13.8},
        evans_index=0.371,
    ),
    "small_head": some_measurements(
        volumes_ml={
            Structure.CSF: 171.0,
            Structure.CORTEX: 373.0,
            Structure.WHITE_MATTER: 281.0,
            Structure.CEREBELLUM: 96.0,
        },
        asymmetry_percent={Structure.CORTEX: 4.9, Structure.VENTRICLES: -34.5},
    ),
    "large_brain": some_measurements(
        volumes_ml={
            Structure.CORTEX: 752.0,
            Structure.WHITE_MATTER: 611.0,
            Structure.CSF: 351.0,
        },
        asymmetry_percent={Structure.DEEP_GREY: -9.7},
    ),
    "other_contrast": some_measurements(
        contrast=Contrast.OTHER, asymmetry_percent={Structure.VENTRICLES: 28.2}
    ),
    "doubtful_image": some_measurements(verdict=Verdict.WARN, evans_index=0.312),
    "gaps": some_measurements(
        missing=frozenset({Structure.HIPPOCAMPUS, Structure.THALAMUS}), evans_index=None
    ),
}
