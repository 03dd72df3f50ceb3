"""The data that crosses a boundary: one module a message, each with a schema version."""
