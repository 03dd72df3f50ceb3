"""Reports in varied prose, each labelled correct or harmful, that the guard is measured on."""
