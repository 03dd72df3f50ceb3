"""Every setting the functions read from their environment, in one place.

The template sets them; the defaults are those of one machine.
"""

from functools import cache
from typing import Literal

from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    """Environment of a function."""

    images_bucket: str = "healthcare-mri-images-local"
    results_bucket: str = "healthcare-processed-results-local"
    state_machine_arn: str = ""
    database_url: str = "sqlite:///mri_analysis.db"
    """Without a password; ``database_sign_in`` says where one comes from."""
    database_sign_in: Literal["url", "iam", "secret"] = "url"
    database_secret_arn: str = ""
    """For ``secret``: user and password of the functions."""
    database_ca_file: str = ""
    """Certificates of the database's own authority (PEM), beside those the system knows."""
    database_owner_secret_arn: str = ""
    """User and password of who migrates; empty where the functions' own address may."""
    knowledge_snapshot_path: str = ""
    knowledge_search_url: str = ""
    """OpenSearch domain or collection; empty: the snapshot alone."""
    knowledge_search_service: Literal["es", "aoss"] = "es"
    knowledge_index: str = "mri-knowledge"
    require_knowledge_index: bool = False
    bedrock_model_id: str = ""
    """Model or inference profile; empty: reports are composed without a language model."""
    bedrock_guardrail_id: str = ""
    bedrock_guardrail_version: str = ""
    vision_language_endpoint_name: str = ""
    segmentation_endpoint_name: str = "mri-segmentation"
    segmentation_challenger_endpoint_name: str = ""
    segmentation_challenger_weight: int = 0
    """Studies in a hundred that the challenger segments."""
    segmentation_timeout_seconds: int = 900
    callback_table: str = ""
    circuit_breaker_table: str = ""
    idempotency_table: str = ""
    notification_topic_arn: str = ""
    ticket_table: str = ""
    connection_table: str = ""
    reading_room_origin: str = "http://localhost:8501"
    """Where browsers may call the API from."""
    upload_key_arn: str = ""
    """Key that uploads are encrypted with; empty: the bucket's own."""
    websocket_url: str = ""
    """Where clients open the socket for live updates."""
    websocket_management_url: str = ""
    """Where those sockets are written to."""
    max_upload_bytes: int = 1 << 30
    """SageMaker takes 1 GB at most by reference (InvokeEndpointAsync)."""
    max_voxels: int = 512**3
    """A brain at 0.5 mm has about 400^3; 512^3 as 32-bit floats take half a gigabyte."""


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
