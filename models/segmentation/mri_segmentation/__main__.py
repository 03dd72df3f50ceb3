"""``python -m mri_segmentation IMAGE OUTDIR``: analyse one file, without a server."""

import argparse
import json
import resource
import sys
import time
from pathlib import Path

from mri_segmentation.analysis import analyse
from mri_segmentation.artefacts import artefacts
from mri_segmentation.errors import InvalidImage
from mri_segmentation.network import Network
from mri_segmentation.volume import read_nifti


def main() -> int:
    """Write labels, measurements and pictures, and print what it cost.

    Returns
    -------
    int
        0 where measurements may be used, 1 where the image was refused, 2 where it is unreadable.
    """
    parser = argparse.ArgumentParser(prog="mri_segmentation", description=__doc__)
    parser.add_argument("image", type=Path, help="a .nii or .nii.gz file")
    parser.add_argument("outdir", type=Path, help="folder the results are written to")
    parser.add_argument("--threads", type=int, default=2, help="threads of the network")
    told = parser.parse_args()
    started = time.perf_counter()
    try:
        analysis = analyse(read_nifti(told.image.read_bytes()), Network(threads=told.threads))
    except InvalidImage as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    told.outdir.mkdir(parents=True, exist_ok=True)
    for name, content in artefacts(analysis).items():
        (told.outdir / name).write_bytes(content)
    quality = analysis.measurements.quality
    used = resource.getrusage(resource.RUSAGE_SELF)
    summary = {
        "verdict": quality.verdict,
        "refusal": quality.refusal,
        "reasons": quality.reasons(),
        "volumes_ml": {v.structure: v.total_ml for v in analysis.measurements.volumes},
        "ratios": {r.id: r.value for r in analysis.measurements.ratios},
        "wall_seconds": round(time.perf_counter() - started, 2),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
        "peak_mb": used.ru_maxrss // 1024,
    }
    print(json.dumps(summary, indent=1))
    return 1 if quality.refusal else 0


if __name__ == "__main__":
    sys.exit(main())
