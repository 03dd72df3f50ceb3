"""The files a study can be taken along as, made from what is known of it.

Libraries are imported where a file needs them: the API writes text and has none of them.
"""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from mri_analysis.contracts.api import ExportFile
from mri_analysis.contracts.job import ReviewStatus
from mri_analysis.contracts.report import Description, Reference
from mri_analysis.contracts.review import ReviewedReport
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.errors import NoOriginalStudy
from mri_analysis.exporting.fhir import fhir_bundle
from mri_analysis.exporting.names import DICOM, exported_name
from mri_analysis.reporting.markdown import render_markdown
from mri_analysis.reporting.reviewed import title
from mri_analysis.reporting.tables import measurements_csv

if TYPE_CHECKING:
    import numpy as np
    from highdicom.seg import Segmentation
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from mri_analysis.exporting.dicom.study import OriginalStudy, Writing


@dataclass(frozen=True)
class StudyFiles:
    """A completed study, and when its files are made.

    ``montage``, ``labels`` and ``original`` get their bytes when a file needs them; ``original``
    gives None for a study that has none, as one that came as NIfTI.
    """

    organization_id: str
    review: ReviewedReport
    measurements: Measurements
    description: Description
    montage: Callable[[], bytes]
    labels: Callable[[], bytes]
    original: Callable[[], bytes | None]
    at: datetime

    def made(self, file: ExportFile) -> bytes:
        """The content of ``file``.

        Raises
        ------
        NoOriginalStudy
            A DICOM object of a study without an original.
        OriginalUnreadable
            The original does not take the results.
        """
        return self._makers[file]()

    @property
    def _makers(self) -> dict[ExportFile, Callable[[], bytes]]:
        return {
            ExportFile.REPORT: lambda: self._page.encode(),
            ExportFile.REPORT_PDF: lambda: self._pdf,
            ExportFile.MEASUREMENTS: self._table,
            ExportFile.FHIR: self._fhir,
            ExportFile.SEGMENTATION: lambda: _saved(self._segmentation),
            ExportFile.STRUCTURED_REPORT: self._structured_report,
            ExportFile.REPORT_DICOM: self._report_dicom,
            ExportFile.EVERYTHING: self._everything,
        }

    def _table(self) -> bytes:
        return measurements_csv(self.review.job_id, self.measurements).encode()

    def _fhir(self) -> bytes:
        bundle = fhir_bundle(
            self.review, self.measurements, self.description.findings, self._page, self.at
        )
        return json.dumps(bundle, ensure_ascii=False).encode()

    def _structured_report(self) -> bytes:
        from mri_analysis.exporting.dicom.segmentation_object import segments_of
        from mri_analysis.exporting.dicom.structured_report import write_structured_report

        labels, _ = self._labels
        return _saved(
            write_structured_report(
                self._study,
                self._segmentation,
                segments_of(labels),
                self.measurements,
                self.review.decision,
                self.organization_id,
                self._writing,
            )
        )

    def _report_dicom(self) -> bytes:
        from mri_analysis.exporting.dicom.encapsulated_report import write_encapsulated_report

        named = f"Brain MRI volumetry: {title(self.review)}"
        return _saved(write_encapsulated_report(self._study, self._pdf, named, self._writing))

    def _everything(self) -> bytes:
        """All of it; DICOM objects where there is a study to stand in, and none if rejected."""
        rejected = self.review.review_status is ReviewStatus.REJECTED
        left_out = {ExportFile.EVERYTHING}
        if rejected or self._original is None:
            left_out.update(DICOM)
        page = io.BytesIO()
        with zipfile.ZipFile(page, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in ExportFile:
                if file not in left_out:
                    name = zipfile.ZipInfo(self._named(file), self.at.timetuple()[:6])
                    archive.writestr(name, self.made(file), zipfile.ZIP_DEFLATED)
            name = zipfile.ZipInfo("measurements.json", self.at.timetuple()[:6])
            content = self.measurements.model_dump_json(indent=1)
            archive.writestr(name, content, zipfile.ZIP_DEFLATED)
        return page.getvalue()

    def _named(self, file: ExportFile) -> str:
        return exported_name(file, self.review.job_id, self.review.review_status)

    # ---- what several files need -----------------------------------------------------------------

    @cached_property
    def _references(self) -> list[Reference]:
        """Those the study was described with, not those of today's knowledge base."""
        findings = self.description.findings
        return [finding.reference for finding in findings if finding.reference is not None]

    @cached_property
    def _page(self) -> str:
        return render_markdown(
            self.review.report,
            self.measurements,
            self._references,
            montage=None,
            review=self.review,
        )

    @cached_property
    def _pdf(self) -> bytes:
        from mri_analysis.exporting.pdf.render import render_pdf

        return render_pdf(
            self.review, self.measurements, self._references, montage=self.montage(), at=self.at
        )

    @cached_property
    def _original(self) -> bytes | None:
        return self.original()

    @cached_property
    def _study(self) -> "OriginalStudy":
        from mri_analysis.exporting.dicom.study import OriginalStudy
        from mri_analysis.imaging.dicom.originals import unpack_original

        if self._original is None:
            raise NoOriginalStudy("The scan did not come as DICOM: there is no study to write to.")
        return OriginalStudy.of(unpack_original(self._original))

    @cached_property
    def _writing(self) -> "Writing":
        from mri_analysis.exporting.dicom.study import Writing

        engine, review = self.measurements.engine, self.review
        return Writing(
            review.job_id,
            review.version,
            review.review_status,
            engine.name,
            engine.version,
            self.at,
        )

    @cached_property
    def _labels(self) -> "tuple[NDArray[np.uint8], NDArray[np.float64]]":
        import nibabel as nib
        import numpy as np

        image = nib.Nifti1Image.from_bytes(gzip.decompress(self.labels()))
        return np.asarray(image.dataobj, np.uint8), np.asarray(image.affine, np.float64)

    @cached_property
    def _segmentation(self) -> "Segmentation":
        from mri_analysis.exporting.dicom.segmentation_object import write_segmentation

        labels, affine = self._labels
        return write_segmentation(self._study, labels, affine, self.measurements, self._writing)


def _saved(made: "Dataset") -> bytes:
    page = io.BytesIO()
    made.save_as(page, enforce_file_format=True)
    return page.getvalue()
