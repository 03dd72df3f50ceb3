"""The files of an analysis, as bytes: what the server answers and the command line writes."""

import gzip

from mri_analysis.contracts.segmentation_archive import LABELS, MEASUREMENTS, MONTAGE, SLICES
from mri_segmentation.analysis import Analysis


def artefacts(analysis: Analysis) -> dict[str, bytes]:
    """File name -> content. The time of writing is left out of the gzip header: same labels, same
    bytes."""
    return {
        LABELS: gzip.compress(analysis.labels.to_bytes(), compresslevel=4, mtime=0),
        MEASUREMENTS: analysis.measurements.model_dump_json(indent=1).encode(),
        MONTAGE: analysis.montage_png,
        SLICES: analysis.slices_png,
    }
