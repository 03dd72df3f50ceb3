"""Ports kept in memory, and switches that make them fail."""

from dataclasses import dataclass, field
from pathlib import Path

from mri_analysis.contracts.base import Contract
from mri_analysis.contracts.job import Job, JobError, JobStatus, may_follow
from mri_analysis.contracts.tasks import AnalysisInput
from mri_analysis.errors import (
    DatabaseUnavailable,
    IllegalTransition,
    JobNotFound,
    ModelEndpointUnavailable,
    StorageUnavailable,
    UploadMissing,
)
from mri_analysis.ports.jobs import PIPELINE, AnalysisResult, JobPosition
from mri_analysis.ports.segmentation import PendingCallback
from mri_analysis.ports.storage import StoredObject


@dataclass
class MemoryObjects:
    """A bucket."""

    objects: dict[str, bytes] = field(default_factory=dict)
    down: bool = False

    def head(self, key: str, version_id: str | None = None) -> StoredObject | None:
        self._check()
        body = self.objects.get(key)
        return None if body is None else StoredObject(len(body), version_id or "v1")

    def download(self, key: str, path: Path, version_id: str | None = None) -> None:
        path.write_bytes(self.get(key))

    def get(self, key: str) -> bytes:
        self._check()
        if key not in self.objects:
            raise UploadMissing("gone")
        return self.objects[key]

    def put(self, key: str, body: bytes, content_type: str) -> None:
        self._check()
        self.objects[key] = body

    def move(self, key: str, version_id: str | None, new_key: str) -> None:
        self.objects[new_key] = self.get(key)
        del self.objects[key]

    def remove(self, key: str, version_id: str | None) -> None:
        self._check()
        self.objects.pop(key, None)

    def remove_all(self, prefix: str) -> int:
        self._check()
        gone = [key for key in self.objects if key.startswith(prefix)]
        for key in gone:
            del self.objects[key]
        return len(gone)

    def uri(self, key: str) -> str:
        return f"s3://memory/{key}"

    def _check(self) -> None:
        if self.down:
            raise StorageUnavailable("down")


@dataclass
class MemoryJobs:
    """A job table."""

    jobs: dict[str, Job] = field(default_factory=dict)
    retries: list[tuple[str, str]] = field(default_factory=list)
    """Name of the execution, and who asked for it."""
    results: dict[str, AnalysisResult] = field(default_factory=dict)
    down: bool = False

    def register(self, job: Job, actor: str = PIPELINE, *, subject_hash: str | None = None) -> Job:
        self._check()
        return self.jobs.setdefault(job.job_id, job)

    def find(self, organization_id: str, job_id: str) -> Job | None:
        self._check()
        return self.jobs.get(job_id)

    def recent(
        self, organization_id: str, limit: int, after: JobPosition | None = None
    ) -> list[Job]:
        return list(self.jobs.values())[-limit:]

    def restart(self, job: Job, actor: str = PIPELINE) -> Job:
        current = self._require(job.job_id)
        if current.status not in (JobStatus.AWAITING_UPLOAD, JobStatus.FAILED):
            raise IllegalTransition("no")
        restarted = job.model_copy(update={"status": JobStatus.UPLOADED, "error": None})
        self.jobs[job.job_id] = restarted
        return restarted

    def note_retry(
        self, organization_id: str, job_id: str, execution_name: str, actor: str
    ) -> None:
        self._require(job_id)
        self.retries.append((execution_name, actor))

    def advance(
        self, organization_id: str, job_id: str, status: JobStatus, error: JobError | None = None
    ) -> None:
        current = self._require(job_id)
        if not may_follow(current.status, status):
            raise IllegalTransition("no")
        self.jobs[job_id] = current.model_copy(update={"status": status, "error": error})

    def complete(self, result: AnalysisResult) -> str:
        self.results[result.job_id] = result
        self.advance(result.organization_id, result.job_id, JobStatus.COMPLETED)
        return "result"

    def result(self, organization_id: str, job_id: str) -> AnalysisResult | None:
        return self.results.get(job_id)

    def _require(self, job_id: str) -> Job:
        self._check()
        if job_id not in self.jobs:
            raise JobNotFound("none")
        return self.jobs[job_id]

    def _check(self) -> None:
        if self.down:
            raise DatabaseUnavailable("down")


@dataclass
class MemoryWorkflow:
    """A state machine that only starts and stops."""

    started: dict[str, AnalysisInput] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)

    def start(self, name: str, task: AnalysisInput) -> bool:
        if name in self.started:
            return False
        self.started[name] = task
        return True

    def stop(self, name: str) -> None:
        self.stopped.append(name)


@dataclass
class MemoryEndpoint:
    """An endpoint that takes inferences."""

    started: list[tuple[str, str]] = field(default_factory=list)
    down: bool = False

    def start(self, input_uri: str, inference_id: str) -> None:
        if self.down:
            raise ModelEndpointUnavailable("down")
        self.started.append((input_uri, inference_id))


@dataclass
class MemoryVisionLanguageEndpoint:
    """An endpoint that takes questions, or fails with ``error``."""

    name: str = "mri-vision-language"
    started: list[tuple[str, str]] = field(default_factory=list)
    error: Exception | None = None

    def start(self, request_uri: str, inference_id: str) -> None:
        if self.error is not None:
            raise self.error
        self.started.append((request_uri, inference_id))


@dataclass
class MemoryCallbacks:
    """Task tokens by inference id."""

    kept: dict[str, PendingCallback] = field(default_factory=dict)
    error: Exception | None = None

    def save(self, callback: PendingCallback) -> None:
        if self.error is not None:
            raise self.error
        self.kept[callback.inference_id] = callback

    def find(self, inference_id: str) -> PendingCallback | None:
        return self.kept.get(inference_id)


@dataclass
class MemoryTaskTokens:
    """Answers that waiting states got."""

    succeeded: dict[str, Contract] = field(default_factory=dict)
    failed: dict[str, tuple[str, str]] = field(default_factory=dict)

    def succeed(self, task_token: str, output: Contract) -> None:
        self.succeeded[task_token] = output

    def fail(self, task_token: str, code: str, message: str) -> None:
        self.failed[task_token] = (code, message)
