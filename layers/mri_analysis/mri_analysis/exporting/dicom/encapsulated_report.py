"""The report as a PDF within the original DICOM study."""

import highdicom as hd
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from mri_analysis.exporting.dicom.study import MANUFACTURER, OriginalStudy, Writing

_SERIES_NUMBER = 9003
_OF_THE_STUDY = (
    *("TimezoneOffsetFromUTC", "PatientName", "PatientID"),
    *("IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge", "PatientSize"),
    *("PatientWeight", "StudyInstanceUID", "StudyID", "StudyDate", "StudyTime"),
    *("AccessionNumber", "ReferringPhysicianName"),
)


def write_encapsulated_report(
    study: OriginalStudy, pdf: bytes, title: str, writing: Writing
) -> Dataset:
    """Encapsulated PDF Storage; ``title`` says whether the report is a draft."""
    made = Dataset()
    first = study.images[0]
    for name in _OF_THE_STUDY:
        if name in first:
            made.add(first[name])
    made.SOPClassUID = EncapsulatedPDFStorage
    made.SOPInstanceUID = writing.uid("encapsulated report")
    made.SeriesInstanceUID = writing.uid("encapsulated report series")
    made.SeriesNumber, made.InstanceNumber = _SERIES_NUMBER, 1
    made.SeriesDescription = f"Report, {'signed' if writing.signed else 'DRAFT, not signed'}"
    made.Modality, made.ConversionType = "DOC", "WSD"
    made.Manufacturer = MANUFACTURER
    made.ManufacturerModelName = writing.model
    made.SoftwareVersions = writing.model_version
    made.SeriesDate, made.SeriesTime = f"{writing.at:%Y%m%d}", f"{writing.at:%H%M%S}"
    made.ContentDate, made.ContentTime = made.SeriesDate, made.SeriesTime
    made.AcquisitionDateTime = ""
    # The patient is named by the object, not on its pages.
    made.BurnedInAnnotation = "NO"
    made.DocumentTitle = title
    made.ConceptNameCodeSequence = [
        hd.sr.CodedConcept("11528-7", "LN", "Radiology Report"),
    ]
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    made.EncapsulatedDocumentLength = len(pdf)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    writing.finish(made)
    return made
