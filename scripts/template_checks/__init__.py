"""What `make check-template` runs: the tools, our own rules, and the policies they share.

Each check answers a list of findings, so that a test can hand it a broken template and see it bite.
"""
