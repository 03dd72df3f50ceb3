"""Measurements as the engine gives them for a real T1 scan, with anything about it changed."""

from mri_analysis.contracts.segmentation import (
    FRONTAL_HORN_WIDTH,
    INNER_SKULL_WIDTH,
    Contrast,
    Engine,
    ImageGeometry,
    Measurements,
    Quality,
    QualityCheck,
    RatioMeasurement,
    Structure,
    Verdict,
    VolumeMeasurement,
    VolumeMethod,
)

VOLUMES_ML = {
    Structure.CSF: 285.0,
    Structure.CORTEX: 602.0,
    Structure.WHITE_MATTER: 463.0,
    Structure.VENTRICLES: 16.9,
    Structure.DEEP_GREY: 39.7,
    Structure.CEREBELLUM: 150.0,
    Structure.BRAINSTEM: 23.8,
    Structure.HIPPOCAMPUS: 10.8,
    Structure.THALAMUS: 17.5,
}
ASYMMETRY_PERCENT = {
    Structure.CSF: 0.8,
    Structure.CORTEX: -1.2,
    Structure.WHITE_MATTER: 0.6,
    Structure.VENTRICLES: 7.3,
    Structure.DEEP_GREY: 2.1,
    Structure.CEREBELLUM: -1.9,
    Structure.HIPPOCAMPUS: -4.4,
    Structure.THALAMUS: 3.0,
}
SOFT = {Structure.DEEP_GREY, Structure.HIPPOCAMPUS, Structure.THALAMUS}


def a_volume(
    structure: Structure, total_ml: float, icv_ml: float, asymmetry_percent: float | None = None
) -> VolumeMeasurement:
    left = None if asymmetry_percent is None else total_ml * (0.5 + asymmetry_percent / 400)
    return VolumeMeasurement(
        id=f"volume.{structure.value}",
        structure=structure,
        method=VolumeMethod.SOFT if structure in SOFT else VolumeMethod.VOXEL_COUNT,
        total_ml=total_ml,
        percent_of_icv=min(100.0, 100 * total_ml / icv_ml) if icv_ml else None,
        left_ml=left,
        right_ml=None if left is None else total_ml - left,
        asymmetry_percent=asymmetry_percent,
    )


def some_measurements(
    *,
    volumes_ml: dict[Structure, float] | None = None,
    asymmetry_percent: dict[Structure, float] | None = None,
    evans_index: float | None = 0.2543,
    verdict: Verdict = Verdict.PASS,
    contrast: Contrast = Contrast.T1_LIKE,
    missing: frozenset[Structure] = frozenset(),
) -> Measurements:
    """A study like pycortex S1; every argument changes one thing about it."""
    volumes = VOLUMES_ML | (volumes_ml or {})
    asymmetry = ASYMMETRY_PERCENT | (asymmetry_percent or {})
    icv = sum(volumes.values())
    # Not by subtraction: its rounding error may fall below zero.
    fluid = (Structure.CSF, Structure.VENTRICLES)
    brain = sum(volume for structure, volume in volumes.items() if structure not in fluid)
    volumes |= {Structure.BRAIN: brain, Structure.INTRACRANIAL: icv}
    ratios = [
        RatioMeasurement(
            id="ratio.brain_parenchymal_fraction",
            value=brain / icv if icv else 0.0,
            definition="brain volume / intracranial volume",
        )
    ]
    if evans_index is not None:
        ratios.append(
            RatioMeasurement(
                id="ratio.evans_index",
                value=evans_index,
                definition="widest frontal horns / widest inner skull",
                parts={FRONTAL_HORN_WIDTH: 132.4 * evans_index, INNER_SKULL_WIDTH: 132.4},
            )
        )
    checks = [
        QualityCheck(
            code="low_confidence",
            verdict=Verdict.PASS,
            value=0.77712,
            warn_limit=0.7,
            fail_limit=0.65,
            message="The segmentation is sure enough of its labels.",
        ),
        QualityCheck(
            code="field_of_view_cut",
            verdict=verdict,
            value=0.012 if verdict is Verdict.PASS else 0.08,
            warn_limit=0.05,
            message="Part of the head lies outside the image (8 % of the border).",
        ),
    ]
    return Measurements(
        geometry=ImageGeometry(
            shape=(256, 256, 256), spacing_mm=(1.0, 1.0, 1.0), orientation="LIA"
        ),
        contrast=contrast,
        volumes=[
            a_volume(structure, volume, icv, asymmetry.get(structure))
            for structure, volume in volumes.items()
            if structure not in missing
        ],
        ratios=ratios,
        quality=Quality(
            verdict=verdict,
            checks=checks,
            refusal="QualityTooLow" if verdict is Verdict.FAIL else None,
        ),
        not_assessed=[
            "Lesions of any kind (tumour, infarct, haemorrhage, demyelination) are not assessed.",
            "Vessels, skull and contrast enhancement are not assessed.",
        ],
        label_names={4: "Left-Lateral-Ventricle"},
        engine=Engine(
            name="mri-segmentation",
            version="1.0.0",
            weights_sha256="0" * 64,
            parameters={"lam": 1.0},
            libraries={"onnxruntime": "1.31.1"},
            refined=contrast is Contrast.T1_LIKE,
            seconds={"network": 3.1},
            cpu_seconds=8.1,
        ),
    )
