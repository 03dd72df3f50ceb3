"""Reading uploads. Needs numpy and nibabel: imported by ``prepare_study`` alone."""
