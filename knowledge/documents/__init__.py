"""A site's own documents: read within bounds, screened, cut into pieces, kept beside the notes."""
