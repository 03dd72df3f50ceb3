"""Results as DICOM objects of the original study, written with highdicom."""
