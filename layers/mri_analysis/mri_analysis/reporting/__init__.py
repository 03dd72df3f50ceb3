"""From measurements to a checked report, by fixed rules and without input or output.

``findings`` decides what each figure means, ``describe`` puts it in words, ``evidence`` collects
what may be quoted, ``compose`` writes the report, ``guard`` checks any report against the
measurements, and ``markdown`` prints it. The guard decides again from the measurements and trusts
nothing a writer says, so that a report written by a model can later pass through the same gate.
"""
