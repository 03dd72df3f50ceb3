"""Traces, behind one module.

The X-Ray SDK is in maintenance and ends in February 2027; what replaces it is put in here and
nowhere else. Only botocore is patched: patching everything costs import time for libraries nobody
traces.
"""

from aws_lambda_powertools import Tracer
from aws_xray_sdk.ext import boto_utils

tracer = Tracer(patch_modules=["botocore"])

# The SDK writes S3 keys into traces. Ours hold ids only, but an object that somebody put without
# the API keeps its file name, which may name a person.
for _operation in boto_utils.whitelist["services"]["s3"]["operations"].values():
    _operation.pop("request_parameters", None)
