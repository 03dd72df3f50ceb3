"""The APIs of the template, served on one machine."""
