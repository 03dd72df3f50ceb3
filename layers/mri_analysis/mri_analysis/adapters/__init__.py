"""One file for each outside system. Nothing else knows boto3, SQLAlchemy or HTTP."""
