"""Probes of what a deployment rests on: database, model endpoints, Bedrock, knowledge.

Each tells apart what an operator must do next: an address that does not answer, a name that does
not exist, a thing that exists but is at its end.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from mri_analysis.adapters.aws_errors import error_code
from mri_analysis.errors import AnalysisError
from mri_analysis.ports.components import ComponentUnusable

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_sagemaker import SageMakerClient
    from sqlalchemy import Engine

_ABSENT = {"ResourceNotFoundException", "ValidationException"}
_REFUSED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_NO_SCHEMA = ("The database holds no schema.", "Run the function migrate-database.")
_NO_SUCH_TABLE = 1146
"""MySQL's ER_NO_SUCH_TABLE."""


def unreachable_database(error: Exception) -> tuple[str, str]:
    """Sentence and next step for a database that cannot be opened."""
    reason = getattr(error, "orig", None) or error
    code = reason.args[0] if reason.args and isinstance(reason.args[0], int) else ""
    kind = " ".join(str(part) for part in (type(error).__name__, code) if part)
    return (
        f"The database proxy did not answer ({kind}).",
        "Check DatabaseUrl, the secret, the security groups and the proxy's target health.",
    )


def _is_missing_table(error: Exception) -> bool:
    """Looks at what the driver said; the error's text holds the statement too."""
    reason = getattr(error, "orig", None)
    if reason is None or not reason.args:
        return False
    return reason.args[0] == _NO_SUCH_TABLE or str(reason.args[0]).startswith("no such table")


class DatabaseProbe:
    """The database answers, and holds the schema that this version of the code works with."""

    name = "database"

    def __init__(self, engine: "Engine", revision: str) -> None:
        self._engine = engine
        self._revision = revision

    def probe(self) -> str:
        from sqlalchemy import text
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self._engine.connect() as connection:
                found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        except (SQLAlchemyError, AnalysisError) as error:
            if _is_missing_table(error):
                raise ComponentUnusable(*_NO_SCHEMA) from error
            raise ComponentUnusable(*unreachable_database(error)) from error
        if found is None:  # a migration died before it wrote its revision
            raise ComponentUnusable(*_NO_SCHEMA)
        # Expand and contract: a newer schema serves this version, an older one does not.
        if str(found) < self._revision:
            raise ComponentUnusable(
                f"The database has schema {found}, this version needs {self._revision}.",
                "Run the function migrate-database.",
            )
        return f"schema {found}"


class EndpointProbe:
    """A SageMaker endpoint exists and is in service."""

    def __init__(self, client: "SageMakerClient", endpoint_name: str, purpose: str) -> None:
        self.name = f"{purpose} endpoint"
        self._client = client
        self._endpoint_name = endpoint_name

    def probe(self) -> str:
        with _answering(
            "SageMaker",
            f"There is no endpoint {self._endpoint_name}.",
            "Deploy it (SegmentationImageUri, VisionLanguageImageUri) or correct its name.",
        ):
            answer = self._client.describe_endpoint(EndpointName=self._endpoint_name)
        status = answer["EndpointStatus"]
        # While it is updated the endpoint answers with the version before.
        if status not in ("InService", "Updating", "SystemUpdating", "RollingBack"):
            raise ComponentUnusable(
                f"The endpoint {self._endpoint_name} is {status}.",
                "Read its events and the container's log group.",
            )
        return f"{self._endpoint_name} is {status}"


class BedrockModelProbe:
    """The report's language model can still be called."""

    name = "language model"

    def __init__(
        self,
        client: "BedrockClient",
        model_id: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._model_id = model_id
        self._now = now

    def probe(self) -> str:
        notes = [self._lifecycle(model_id) for model_id in self._foundation_models()]
        return "; ".join(notes)

    def _foundation_models(self) -> list[str]:
        """The models behind an inference profile, or the model itself."""
        if "inference-profile/" not in self._model_id and not _is_profile_id(self._model_id):
            return [self._model_id]
        with _answering(
            "Bedrock", f"There is no inference profile {self._model_id}.", "Correct BedrockModelId."
        ):
            profile = self._client.get_inference_profile(inferenceProfileIdentifier=self._model_id)
        # The same model in several regions: one of them tells the life cycle.
        names = {model["modelArn"].rpartition("/")[2] for model in profile["models"]}
        return sorted(names)

    def _lifecycle(self, model_id: str) -> str:
        with _answering(
            "Bedrock",
            f"Bedrock has no model {model_id} in this region: it is at its end of life, "
            "or never was here.",
            "Set BedrockModelId to a model that is ACTIVE.",
        ):
            details = self._client.get_foundation_model(modelIdentifier=model_id)["modelDetails"]
        lifecycle = details.get("modelLifecycle", {"status": "ACTIVE"})
        end = lifecycle.get("endOfLifeTime")
        if isinstance(end, datetime) and end <= self._now():
            raise ComponentUnusable(
                f"The model {model_id} reached its end of life on {end:%Y-%m-%d}.",
                "Set BedrockModelId to a model that is ACTIVE.",
            )
        until = f" until {end:%Y-%m-%d}" if isinstance(end, datetime) else ""
        return f"{model_id} is {lifecycle['status']}{until}"


class LanguageServerProbe:
    """The OpenAI-compatible server of the report's language model answers, and has the model."""

    name = "language model"

    def __init__(self, url: str, model: str, api_key: str, ca_file: str) -> None:
        self._url = url
        self._model = model
        self._api_key = api_key
        self._ca_file = ca_file

    def probe(self) -> str:
        from mri_analysis.adapters.openai_language_model import ChatServer, listed_models

        try:
            server = ChatServer.at(self._url)
            models = listed_models(server, api_key=self._api_key, ca_file=self._ca_file)
        except AnalysisError as error:
            raise ComponentUnusable(
                str(error), "Correct LlmUrl, or look at the server and at the way to it."
            ) from error
        if self._model not in models:
            raise ComponentUnusable(
                f"The language model's server has no model {self._model}.",
                "Correct LlmModel: it is the name in the server's /v1/models.",
            )
        return f"{self._model} is served"


class GuardrailProbe:
    """The guardrail of the report's language model is ready."""

    name = "guardrail"

    def __init__(self, client: "BedrockClient", guardrail_id: str, version: str) -> None:
        self._client = client
        self._guardrail_id = guardrail_id
        self._version = version

    def probe(self) -> str:
        with _answering(
            "Bedrock",
            f"There is no guardrail {self._guardrail_id} in version {self._version}.",
            "Correct BedrockGuardrailId and BedrockGuardrailVersion.",
        ):
            answer = self._client.get_guardrail(
                guardrailIdentifier=self._guardrail_id, guardrailVersion=self._version
            )
        if answer["status"] != "READY":
            raise ComponentUnusable(
                f"The guardrail {self._guardrail_id} is {answer['status']}.",
                "Wait for it, or read its status reasons.",
            )
        return f"{self._guardrail_id} is ready"


class KnowledgeSnapshotProbe:
    """The snapshot of the knowledge base is part of the deployment and can be read."""

    name = "knowledge snapshot"

    def __init__(self, path: str) -> None:
        self._path = path

    def probe(self) -> str:
        from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge

        try:
            snapshot = SqliteKnowledge(Path(self._path))
        except AnalysisError as error:
            raise ComponentUnusable(
                str(error), "Build with `make build` and deploy again."
            ) from error
        try:
            return f"version {snapshot.manifest.version}"
        finally:
            snapshot.close()


class KnowledgeIndexProbe:
    """The search service answers, and the index of the knowledge base exists in it.

    Parameters
    ----------
    url
        Address of the domain or collection.
    index
        Index or alias.
    service
        ``es`` for a domain, ``aoss`` for a serverless collection: what the request is signed for.
    required
        Whether a missing index is a fault. Before the first ingest it is not: the snapshot serves.
    embedder, dimension
        Embedding model in use and the length of its vectors; empty where words must do.
    """

    name = "knowledge index"

    def __init__(
        self,
        url: str,
        index: str,
        service: str,
        region: str,
        required: bool,
        embedder: str = "",
        dimension: int = 0,
    ) -> None:
        self._url = f"{url.rstrip('/')}/{index}/_mapping"
        self._index = index
        self._embedder = embedder
        self._dimension = dimension
        self._service = service
        self._region = region
        self._required = required

    def probe(self) -> str:
        status, content = self._ask()
        if status == 200:
            return self._manifest(content)
        if status in (401, 403):
            raise ComponentUnusable(
                f"The search service refused the request ({status}).",
                "Add the role of check-deployment and llm-rag-enhancement to the access policy.",
            )
        if status == 404 and not self._required:
            return f"{self._index} does not exist yet; reports use the snapshot"
        raise ComponentUnusable(
            f"The index {self._index} is missing."
            if status == 404
            else f"The search service answered {status}.",
            "Ingest the knowledge base, or set RequireKnowledgeIndex to false."
            if status == 404
            else "Look at the domain's health.",
        )

    def _manifest(self, content: bytes) -> str:
        """What the index holds; refuses one that this version cannot search."""
        from mri_analysis.adapters.opensearch_schema import read_manifest

        next_step = "Index the knowledge base anew (mri knowledge reindex)."
        try:
            (index,) = json.loads(content).values()
            manifest = read_manifest(index["mappings"])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ComponentUnusable(
                f"What {self._index} holds could not be read.", next_step
            ) from error
        except AnalysisError as error:
            raise ComponentUnusable(str(error), error.next_step) from error
        made_by = (manifest.embedder, manifest.dimension)
        if self._embedder and manifest.embedder and made_by != (self._embedder, self._dimension):
            raise ComponentUnusable(
                f"{self._index} has vectors of {manifest.embedder} with {manifest.dimension} "
                f"numbers, the settings say {self._embedder} with {self._dimension}.",
                next_step,
            )
        by_vectors = self._embedder and manifest.embedder
        return (
            f"{self._index} holds knowledge version {manifest.knowledge_version}, "
            f"searched by words{' and vectors' if by_vectors else ' alone'}"
        )

    def _ask(self) -> tuple[int, bytes]:
        import boto3
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.httpsession import URLLib3Session

        credentials = boto3.Session().get_credentials()
        if credentials is None:
            raise ComponentUnusable(
                "There are no credentials to ask the search service with.",
                "Run this as the function check-deployment.",
            )
        # OpenSearch Serverless refuses a signed request that does not name its body's digest.
        digest = hashlib.sha256(b"").hexdigest()
        request = AWSRequest("GET", self._url, headers={"x-amz-content-sha256": digest})
        SigV4Auth(credentials, self._service, self._region).add_auth(request)
        try:
            answer = URLLib3Session(timeout=10).send(request.prepare())
        except BotoCoreError as error:
            raise ComponentUnusable(
                f"The search service did not answer ({type(error).__name__}).",
                "Check the security groups and the endpoint's address.",
            ) from error
        return int(answer.status_code), bytes(answer.content)


def _is_profile_id(model_id: str) -> bool:
    """``us.anthropic.claude...``: a profile's id has the name of a geography before the vendor."""
    return model_id.split(".", 1)[0] in {"us", "us-gov", "eu", "apac", "ca", "jp", "au", "global"}


@contextmanager
def _answering(service: str, absent: str, next_step: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error_code(error) in _REFUSED:
            raise ComponentUnusable(
                f"The function may not ask {service} ({error_code(error)}).",
                "Look at the policy of check-deployment and at the boundary of its role.",
            ) from error
        if error_code(error) in _ABSENT:
            raise ComponentUnusable(f"{absent} ({error_code(error)})", next_step) from error
        raise ComponentUnusable(
            f"{service} answered {error_code(error)}.", "Deploy again when the service answers."
        ) from error
    except BotoCoreError as error:
        raise ComponentUnusable(
            f"{service} did not answer ({type(error).__name__}).",
            f"Check the VPC endpoint and the security groups for {service}.",
        ) from error
