"""Every setting the functions read from their environment, in one place.

The template sets them; the defaults are those of one machine.
"""

from functools import cache

from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    """Environment of a function."""

    images_bucket: str = "healthcare-mri-images-local"
    results_bucket: str = "healthcare-processed-results-local"
    state_machine_arn: str = ""
    database_url: str = "sqlite:///mri_analysis.db"
    knowledge_snapshot_path: str = ""
    segmentation_endpoint_name: str = "mri-segmentation"
    segmentation_timeout_seconds: int = 900
    callback_table: str = ""
    circuit_breaker_table: str = ""
    idempotency_table: str = ""
    notification_topic_arn: str = ""
    max_upload_bytes: int = 1 << 30
    """SageMaker takes 1 GB at most by reference (InvokeEndpointAsync)."""
    max_voxels: int = 512**3
    """A brain at 0.5 mm has about 400^3; 512^3 as 32-bit floats take half a gigabyte."""


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
