"""What the network tells apart, and which labels of a map belong to it."""

from enum import IntEnum


class TrainingClass(IntEnum):
    """Channels of the network's output, in its order."""

    BACKGROUND = 0
    CSF = 1
    CORTEX = 2
    WHITE_MATTER = 3
    VENTRICLES = 4
    DEEP_GREY = 5
    CEREBELLUM = 6
    BRAINSTEM = 7
    HIPPOCAMPUS = 8
    THALAMUS = 9
    THIRD_VENTRICLE = 10
    AMYGDALA = 11
    LESION = 12


LABELS: dict[TrainingClass, tuple[int, ...]] = {
    TrainingClass.CSF: (24, 30, 62, 85),
    TrainingClass.CORTEX: (3, 42),
    TrainingClass.WHITE_MATTER: (2, 41),
    TrainingClass.VENTRICLES: (4, 43, 5, 44, 15, 72, 136, 137, 163, 164),
    TrainingClass.DEEP_GREY: (11, 50, 12, 51, 13, 52, 26, 58, 28, 60),
    TrainingClass.CEREBELLUM: (7, 46, 8, 47),
    TrainingClass.BRAINSTEM: (16,),
    TrainingClass.HIPPOCAMPUS: (17, 53),
    TrainingClass.THALAMUS: (10, 49),
    TrainingClass.THIRD_VENTRICLE: (14,),
    TrainingClass.AMYGDALA: (18, 54),
    # FreeSurfer's hypointensities of the white matter
    TrainingClass.LESION: (25, 57),
}
"""FreeSurfer's ids. Vessels and the optic chiasm count as CSF; head tissues as background."""

LEFT_OF: dict[int, int] = {
    41: 2, 42: 3, 43: 4, 44: 5, 46: 7, 47: 8, 49: 10, 50: 11, 51: 12, 52: 13, 53: 17, 54: 18,
    57: 25, 58: 26, 60: 28, 62: 30, 163: 136, 164: 137,
}  # fmt: skip
"""By the label of the right side: that of the left, which has the same brightness."""

OF_BEFORE: dict[TrainingClass, int] = {
    TrainingClass.THIRD_VENTRICLE: 4,
    TrainingClass.AMYGDALA: 5,
    TrainingClass.LESION: 3,
}
"""Classes that version 1 did not have, and the class of it that they were part of."""
