"""What a DICOM examination of 384 slices costs on its way in, and its results on their way back.

The sample brain stands in for it, on a finer grid: each step is a process of its own, so that its
memory is its own.
"""

import gzip
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

SAMPLE = Path("samples/pycortex_S1_T1w.nii.gz")
SHAPE = (274, 384, 384)
"""Of the example that the figures of the research were taken on: 384 slices."""
RUNS = 3
_UPLOAD, _LABELS, _ORIGINAL = "upload.zip", "labels.npz", "original.zip"


def dicom() -> dict[str, Any]:
    """CPU seconds and memory of each step, medians of cold processes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _make(folder)
        return {
            "slices": SHAPE[2],
            "runs": RUNS,
            "zip_mb": round((folder / _UPLOAD).stat().st_size / 1e6, 1),
            "prepare": _measured("prepare", folder),
            "segmentation_and_structured_report": _measured("write", folder),
            "pdf": _measured("pdf", folder),
            "gateway": _gateway(),
            "bounds": {
                "gateway": {"seconds": 4, "peak_mb": 150},
                "prepare": {"cpu_seconds": 8, "peak_mb": 1000},
                "segmentation_and_structured_report": {"cpu_seconds": 10, "peak_mb": 2000},
                "pdf": {"seconds_of_the_page": 1},
            },
        }


def _make(folder: Path) -> None:
    """The archive, and the labels of the same grid."""
    from tests.support.dicom_series import archive, series

    subprocess.run(
        [sys.executable, "-m", "mri_segmentation", str(SAMPLE), str(folder)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    image: nib.Nifti1Image = nib.Nifti1Image.from_filename(SAMPLE)
    voxels, affine = _finer(np.asarray(image.dataobj).astype(np.int16), image.affine)
    (folder / _UPLOAD).write_bytes(archive(series(voxels, affine=affine)))
    whole = nib.Nifti1Image.from_bytes(gzip.decompress((folder / "labels.nii.gz").read_bytes()))
    labels, _ = _finer(np.asarray(whole.dataobj).astype(np.uint8), image.affine)
    np.savez(folder / _LABELS, labels=labels, affine=affine)


def _finer(
    voxels: NDArray[Any], affine: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The nearest voxels on a grid of ``SHAPE`` over the same head."""
    factors = np.array(voxels.shape) / SHAPE
    places = np.ix_(*((np.arange(n) * f).astype(int) for n, f in zip(SHAPE, factors, strict=True)))
    return voxels[places], affine @ np.diag([*factors, 1.0])


def _measured(step: str, folder: Path) -> dict[str, float]:
    cpu, peak, told = [], [], []
    for _ in range(RUNS):
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.dicom", step, str(folder)], stdout=subprocess.PIPE
        )
        output = process.stdout.read() if process.stdout else b""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{step} failed")
        cpu.append(used.ru_utime + used.ru_stime)
        peak.append(used.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2))
        told.append(json.loads(output.splitlines()[-1]))
    return {
        "cpu_seconds": round(statistics.median(cpu), 2),
        "peak_mb": round(statistics.median(peak)),
        **{name: round(statistics.median(one[name] for one in told), 3) for name in told[0]},
    }


_NODE = """
import resource, sys, tempfile
from pathlib import Path
from mri_gateway.receiver import Receiver
from mri_gateway.settings import GatewaySettings, Peer
from mri_gateway.spool import Spool
peers = [Peer(ae_title="PACS", address="127.0.0.1")]
with tempfile.TemporaryDirectory(dir=sys.argv[1]) as folder:
    settings = GatewaySettings(port=0, spool=Path(folder), peers=peers)
    with Receiver(settings, Spool(settings.spool)) as node:
        print(node.port, flush=True)
        sys.stdin.readline()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
_GATEWAY_SLICES = 200


def _gateway() -> dict[str, float]:
    """Slices of 256 x 256 by C-STORE over the loopback, each durable before it is answered."""
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage
    from pynetdicom import AE

    from tests.support.dicom_series import series

    image: nib.Nifti1Image = nib.Nifti1Image.from_filename(SAMPLE)
    voxels = np.asarray(image.dataobj).astype(np.int16)[:, :, :_GATEWAY_SLICES]
    objects = series(voxels, affine=image.affine)
    for one in objects:
        one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
        one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID
    seconds, peak = [], []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            node = subprocess.Popen(
                [sys.executable, "-c", _NODE, folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            if node.stdin is None or node.stdout is None:
                raise RuntimeError("the gateway has no pipes")
            port = int(node.stdout.readline())
            pacs = AE(ae_title="PACS")
            pacs.add_requested_context(MRImageStorage, ExplicitVRLittleEndian)
            started = time.perf_counter()
            association = pacs.associate("127.0.0.1", port, ae_title="MRI-ANALYSIS")
            for one in objects:
                if association.send_c_store(one).Status != 0:
                    raise RuntimeError("the gateway refused a slice")
            association.release()
            seconds.append(time.perf_counter() - started)
            told, _ = node.communicate("\n", timeout=60)
            peak.append(float(told) / (1024 if sys.platform == "linux" else 1024**2))
    return {
        "slices": _GATEWAY_SLICES,
        "seconds": round(statistics.median(seconds), 2),
        "peak_mb": round(statistics.median(peak)),
    }


# ---- the steps, each in a process of its own -----------------------------------------------------


def _prepare(folder: Path) -> dict[str, float]:
    from mri_analysis.imaging.nifti import compressed
    from mri_analysis.imaging.uploads import read_scan

    with tempfile.TemporaryDirectory() as work:
        scan = read_scan(folder / _UPLOAD, Path(work), max_voxels=512**3, tell=lambda _: None)
        content = compressed(scan.image)
    if scan.original is None:
        raise RuntimeError("no DICOM series was read")
    (folder / _ORIGINAL).write_bytes(scan.original)
    return {"image_mb": len(content) / 1e6, "original_mb": len(scan.original) / 1e6}


def _write(folder: Path) -> dict[str, float]:
    from mri_analysis.contracts.job import ReviewStatus
    from mri_analysis.exporting.dicom.segmentation_object import segments_of, write_segmentation
    from mri_analysis.exporting.dicom.structured_report import write_structured_report
    from mri_analysis.exporting.dicom.study import OriginalStudy, Writing
    from mri_analysis.imaging.dicom.originals import unpack_original
    from tests.support.measurements import some_measurements

    kept = np.load(folder / _LABELS)
    labels, affine = kept["labels"], kept["affine"]
    study = OriginalStudy.of(unpack_original((folder / _ORIGINAL).read_bytes()))
    measurements = some_measurements()
    at = datetime.now(UTC)
    writing = Writing("bench", 0, ReviewStatus.DRAFT, "mri-segmentation", "1", at)
    made = write_segmentation(study, labels, affine, measurements, writing)
    report = write_structured_report(
        study, made, segments_of(labels), measurements, None, "bench", writing
    )
    return {"segmentation_mb": _size(made) / 1e6, "structured_report_mb": _size(report) / 1e6}


def _size(made: Any) -> int:
    page = io.BytesIO()
    made.save_as(page, enforce_file_format=True)
    return page.tell()


def _pdf(folder: Path) -> dict[str, float]:
    from knowledge.build import build_snapshot
    from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
    from mri_analysis.contracts.job import ReviewStatus
    from mri_analysis.contracts.review import ReviewedReport, content_sha256, sections_of
    from mri_analysis.contracts.segmentation import Measurements
    from mri_analysis.exporting.pdf.render import render_pdf
    from mri_analysis.reporting.compose import write_report
    from mri_analysis.reporting.describe import describe
    from mri_analysis.reporting.evidence import gather_evidence

    build_snapshot(folder / "knowledge.sqlite")
    measurements = Measurements.model_validate_json((folder / "measurements.json").read_bytes())
    evidence = gather_evidence(measurements, SqliteKnowledge(folder / "knowledge.sqlite"))
    description = describe(measurements, evidence.references)
    report = write_report(
        organization_id="bench", job_id="bench", description=description, evidence=evidence
    )
    sections = sections_of(report)
    review = ReviewedReport(
        job_id="bench",
        review_status=ReviewStatus.DRAFT,
        version=0,
        report=report,
        sections=sections,
        objections=[],
        revisions=[],
        decision=None,
        addenda=[],
        content_sha256=content_sha256(report, sections),
    )
    montage = (folder / "montage.png").read_bytes()
    started = time.perf_counter()
    made = render_pdf(
        review, measurements, evidence.references, montage=montage, at=datetime.now(UTC)
    )
    return {"seconds_of_the_page": time.perf_counter() - started, "page_mb": len(made) / 1e6}


_STEPS: dict[str, Callable[[Path], dict[str, float]]] = {
    "prepare": _prepare,
    "write": _write,
    "pdf": _pdf,
}


def main() -> None:
    """Without arguments the section alone, else one step."""
    if len(sys.argv) == 1:
        print(json.dumps(dicom(), indent=1))
    else:
        print(json.dumps(_STEPS[sys.argv[1]](Path(sys.argv[2]))))


if __name__ == "__main__":
    main()
