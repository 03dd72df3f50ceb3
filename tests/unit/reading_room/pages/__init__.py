"""Whole pages, run without a browser by Streamlit's own test runner."""
