"""Every setting the functions read from their environment, in one place.

The template sets them; the defaults are those of one machine.
"""

from functools import cache
from typing import Annotated, Literal

from pydantic import BeforeValidator
from pydantic_settings import BaseSettings

OptionalNumber = Annotated[
    float | None, BeforeValidator(lambda given: None if given == "" else given)
]
"""A template parameter that may be left empty."""


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
    knowledge_search_seconds: float = 30.0
    """For all searches of one report together; after it the snapshot is searched."""
    embedding_model_id: str = ""
    """Titan Text Embeddings V2 on Bedrock; empty: the search service is asked by words alone."""
    embedding_dimension: int = 512
    """Numbers of a vector: 256, 512 or 1024. Another one needs a new index."""
    require_knowledge_index: bool = False
    bedrock_model_id: str = ""
    """Model or inference profile; empty: reports are composed without a language model."""
    bedrock_guardrail_id: str = ""
    bedrock_guardrail_version: str = ""
    bedrock_prompt_cache: bool = True
    """Some models refuse cache points."""
    bedrock_strict_tool: bool = True
    """Some models cannot be held to a schema."""
    bedrock_temperature: OptionalNumber = None
    """Empty sends none: newer models refuse the field."""
    llm_url: str = ""
    """OpenAI-compatible server in place of Bedrock; empty for none."""
    llm_model: str = ""
    """Its name there."""
    llm_answer_form: Literal["json_schema", "tool"] = "json_schema"
    """How the answer is forced; ``tool`` for servers without ``response_format``."""
    llm_api_key: str = ""
    """Bearer token, for one machine; on AWS it lies in ``llm_api_key_secret_arn``."""
    llm_api_key_secret_arn: str = ""
    """Secret that is the token and nothing else."""
    llm_ca_file: str = ""
    """Certificates of the server's own authority (PEM), beside those the system knows."""
    language_model_deadline_seconds: float = 100.0
    """One question with all its retries; two of them and the search fit into the state (300 s)."""
    language_model_input_price: OptionalNumber = None
    """USD per million tokens, as the two below; empty: what a report cost is unknown."""
    language_model_output_price: OptionalNumber = None
    language_model_cached_input_price: OptionalNumber = None
    vision_language_endpoint_name: str = ""
    """Empty: no model looks at the pictures."""
    vision_language_contract: Literal["chat", "zero_shot"] = "chat"
    """``chat``: OpenAI's chat contract; ``zero_shot``: similarity scores of captions, as hints."""
    vision_language_model: str = ""
    """What a request names; empty for a server with one model, as vLLM is."""
    vision_language_timeout_seconds: int = 600
    """For one answer, once an instance has taken the question."""
    segmentation_endpoint_name: str = "mri-segmentation"
    segmentation_challenger_endpoint_name: str = ""
    segmentation_challenger_weight: int = 0
    """Studies in a hundred that the challenger segments."""
    segmentation_timeout_seconds: int = 900
    callback_table: str = ""
    circuit_breaker_table: str = ""
    idempotency_table: str = ""
    notification_topic_arn: str = ""
    study_changes_topic_arn: str = ""
    """Where each change of a status is announced for the browsers that watch; empty: nowhere."""
    ticket_table: str = ""
    connection_table: str = ""
    upload_queue_url: str = ""
    """Where uploads wait; an administrator is told how many, as of the three below."""
    upload_dead_letter_queue_url: str = ""
    callback_dead_letter_queue_url: str = ""
    event_dead_letter_queue_url: str = ""
    export_queue_url: str = ""
    """Where files that somebody asked for wait to be made."""
    export_dead_letter_queue_url: str = ""
    reading_room_origin: str = "http://localhost:8501"
    """Where browsers may call the API from."""
    serve_api_docs: bool = False
    """Whether the description of the API is a page too, for anybody who knows the address."""
    subject_key_secret_arn: str = ""
    """Secret that hashes subjects are made with; a new one ends every link to older studies."""
    originals_key_arn: str = ""
    """Key for what is kept of original DICOM studies; empty: the bucket's own."""
    quarantine_dicom_uploads: bool = False
    """Whether a DICOM upload is kept beside what is kept of its study, under the same key."""
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
