"""The REST API answers as its description says."""
