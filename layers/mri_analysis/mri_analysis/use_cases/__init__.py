"""What the product does, one file a use case. They take values and ports and read no
environment.
"""
