"""Traces, behind one module.

The X-Ray SDK is in maintenance and ends in February 2027; what replaces it is put in here and
nowhere else. Only botocore is patched: patching everything costs import time for libraries nobody
traces.
"""

from aws_lambda_powertools import Tracer

tracer = Tracer(patch_modules=["botocore"])
