"""The second engine: a real ``sam deploy`` of the same template, into MiniStack, on one machine.

The local stack reads the template itself; here AWS's own command line builds, packages and deploys
it through a CloudFormation that others wrote. What both agree on is unlikely to be a mistake of
either. ``emulator`` runs it, ``launcher`` is what runs inside its process, ``sam`` calls
the command line, ``stack`` puts them together with the model server, ``checks`` sends studies
through, ``python -m emulated_stack`` does all of it once.
"""
