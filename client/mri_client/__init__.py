"""The command line of the product and what it is made of."""
