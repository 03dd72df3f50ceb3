"""What this version cannot show: sentences every report carries, so that silence is no finding."""

NOT_ASSESSED: tuple[str, ...] = (
    "Lesions, tumours, infarcts, haemorrhage and white-matter hyperintensities are not detected; a "
    "lesion is counted as the tissue it resembles.",
    "Vessels, aneurysms, dissections and the venous sinuses are not assessed.",
    "The third and fourth ventricle are not told apart from the lateral ventricles; part of the "
    "third ventricle may be counted as CSF.",
    "Lobes, gyri and cortical thickness are not measured.",
    "Caudate, putamen, pallidum, amygdala and accumbens are measured together only.",
    "Hippocampal atrophy is not judged by this version: its hippocampal volumes are about 5 to "
    "20 % too large.",
    "Diffusion, perfusion, enhancement after a contrast agent and signal changes are not assessed; "
    "enhancing sinuses may be counted as cerebellum.",
    "The skull, the scalp, the orbits, the sinuses and the pituitary are not assessed.",
    "The analysis was made for adults; heads of children were not tested.",
    "Change over time is not assessed: each study is measured on its own.",
)

NOT_REFINED = (
    "The contrast is not T1-like, so the tissue borders were not refined: cortex and CSF volumes "
    "are less certain than on a T1-weighted scan."
)
