"""A DICOM node beside a PACS: what it is sent is analysed, and results go back.

``receiver`` takes objects over the network and lays them into the ``spool`` on disk; ``courier``
uploads each whole study through the REST API and sends the results to the PACS. Every step is a
file that is moved within one file system, so that a kill at any point loses nothing.
"""
