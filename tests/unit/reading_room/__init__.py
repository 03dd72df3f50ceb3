"""Parts of the reading room that need no browser."""
