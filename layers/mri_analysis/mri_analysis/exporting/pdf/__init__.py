"""The report as a PDF: tagged for screen readers (PDF/UA-1) and made to be kept (PDF/A-2a)."""
