"""DICOM uploads: what lies in an archive, which series is analysed, and its conversion.

``archive`` unpacks, ``headers`` reads one object, ``grouping`` makes series of them, ``choice``
picks one, ``stack`` checks that it is whole, ``conversion`` makes one NIfTI image. The rules are
written down for people in ``docs/dicom.md``. What leaves this package are voxels, geometry and what
``facts`` lets through: numbers, and words of fixed lists.
"""
