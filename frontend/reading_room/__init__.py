"""The reading room: a Streamlit application that talks to the REST API and to nothing else."""
