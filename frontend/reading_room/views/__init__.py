"""One module for each page.

Not called ``pages``: Streamlit takes every file of a folder of that name for a page of its own, and
until somebody has opened the application's first page it runs them as they stand, sign-in or not.
"""
