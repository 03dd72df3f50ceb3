"""What the product costs: measured, as medians, with the machine stated."""
