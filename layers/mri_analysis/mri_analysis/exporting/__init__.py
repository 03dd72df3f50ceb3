"""Results in the forms that other systems read."""
