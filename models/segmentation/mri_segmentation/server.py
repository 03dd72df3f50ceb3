"""The engine behind SageMaker's HTTP contract: ``GET /ping`` and ``POST /invocations``.

One analysis runs at a time: two would share the cores and double the peak memory, and an
asynchronous endpoint queues by itself. Logs carry no keys, since a key may hold what an upload was
named."""

import argparse
import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mri_analysis import errors as public
from mri_analysis.contracts.segmentation import (
    SegmentationRefused,
    SegmentationRequest,
    SegmentationResponse,
)
from mri_segmentation.analysis import analyse
from mri_segmentation.artefacts import LABELS, MEASUREMENTS, MONTAGE, artefacts
from mri_segmentation.errors import (
    NonFiniteVoxels,
    UnreadableImage,
    UnsupportedShape,
    UnsupportedVoxelType,
    UnusableOrientation,
)
from mri_segmentation.network import Network
from mri_segmentation.store import (
    ImageNotFound,
    ImageTooLarge,
    ResultsBucket,
    StorageUnavailable,
    s3_client,
)
from mri_segmentation.volume import read_nifti

BUCKET_VARIABLE = "RESULTS_BUCKET"
THREADS_VARIABLE = "SEGMENTATION_THREADS"
MAX_BODY_BYTES = 16_384

logger = logging.getLogger("mri_segmentation.server")


class InvalidRequest(ValueError):
    """The body is no :class:`~mri_analysis.contracts.segmentation.SegmentationRequest`."""


PUBLIC_ERRORS: dict[type[Exception], type[public.UploadError]] = {
    UnreadableImage: public.CorruptFile,
    UnsupportedShape: public.NotASingleVolume,
    UnsupportedVoxelType: public.UnsupportedFormat,
    NonFiniteVoxels: public.NonFiniteVoxels,
    UnusableOrientation: public.UnknownOrientation,
    ImageTooLarge: public.FileTooLarge,
    ImageNotFound: public.UploadMissing,
}
"""What is wrong with an image, and the error the state machine knows it by."""

IMAGE_FAULTS = tuple(PUBLIC_ERRORS)


def segment(
    request: SegmentationRequest, bucket: ResultsBucket, network: Network
) -> SegmentationResponse:
    """Analyse the image a request names and store the results.

    An image that shows no usable brain is stored and answered like any other: verdict and reasons
    are results. One that cannot be read at all raises one of :data:`IMAGE_FAULTS`.
    """
    image = read_nifti(bucket.read_image(request.image_s3_key))
    analysis = analyse(image, network)
    bucket.write(request.output_prefix, artefacts(analysis))
    quality = analysis.measurements.quality
    return SegmentationResponse(
        labels_key=request.output_prefix + LABELS,
        measurements_key=request.output_prefix + MEASUREMENTS,
        montage_key=request.output_prefix + MONTAGE,
        verdict=quality.verdict,
        refusal=quality.refusal,
        reasons=quality.reasons(),
    )


def refusal_of(fault: Exception) -> SegmentationRefused:
    """The answer for an image that cannot be analysed at all; ``fault`` is an image fault."""
    error = next(told for kind, told in PUBLIC_ERRORS.items() if isinstance(fault, kind))
    return SegmentationRefused(code=error.__name__, message=str(fault))


def parse_request(body: bytes) -> SegmentationRequest:
    """Validate a body.

    Raises
    ------
    InvalidRequest
        Its message names fields, never values.
    """
    if len(body) > MAX_BODY_BYTES:
        raise InvalidRequest("The request is too long; it carries keys, not the image.")
    try:
        request = SegmentationRequest.model_validate_json(body)
    except ValidationError as error:
        fields = sorted({".".join(map(str, e["loc"])) or "body" for e in error.errors()})
        raise InvalidRequest(f"The request is not valid in: {', '.join(fields)}.") from None
    if not request.output_prefix.endswith("/") or ".." in request.output_prefix.split("/"):
        raise InvalidRequest("output_prefix must end with '/' and must not climb.")
    return request


def create_app(
    load_network: Callable[[], Network], open_bucket: Callable[[], ResultsBucket]
) -> Starlette:
    """The ASGI application.

    Parameters
    ----------
    load_network : callable
        Called once at start; ``/ping`` answers 503 until it has returned.
    open_bucket : callable
        Called at the first invocation.
    """
    one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.network = await run_in_threadpool(load_network)
        yield

    async def ping(request: Request) -> Response:
        loaded = getattr(request.app.state, "network", None) is not None
        return Response(status_code=200 if loaded else 503)

    async def invocations(request: Request) -> Response:
        started = time.perf_counter()
        try:
            parsed = parse_request(await request.body())
            async with one_at_a_time:
                if getattr(request.app.state, "bucket", None) is None:
                    request.app.state.bucket = await run_in_threadpool(open_bucket)
                _log("started")
                answer = await run_in_threadpool(
                    segment, parsed, request.app.state.bucket, request.app.state.network
                )
        except IMAGE_FAULTS as error:
            # SageMaker keeps the body of any other status from the caller of an asynchronous
            # endpoint, who then could not tell a bad image from a broken container.
            refused = refusal_of(error)
            _log("refused", seconds=_since(started), code=refused.code)
            return _json(refused)
        except InvalidRequest as error:
            return _failure(400, type(error).__name__, str(error), started)
        except StorageUnavailable as error:
            return _failure(500, type(error).__name__, str(error), started)
        except Exception as error:  # noqa: BLE001
            # The last net: whatever happens, the answer is JSON. The message of an unforeseen error
            # may quote a key or a header, so only its type is told.
            logger.error("unforeseen error %s", type(error).__name__)
            message = "The analysis stopped unexpectedly; try again, then tell the operator."
            return _failure(500, "InternalError", message, started)
        _log(
            "analysed",
            seconds=_since(started),
            verdict=answer.verdict.value,
            refusal=answer.refusal,
        )
        return _json(answer)

    return Starlette(
        routes=[
            Route("/ping", ping, methods=["GET"]),
            Route("/invocations", invocations, methods=["POST"]),
        ],
        lifespan=lifespan,
    )


def _failure(status: int, code: str, message: str, started: float) -> JSONResponse:
    _log("refused" if status < 500 else "failed", seconds=_since(started), code=code)
    return JSONResponse({"code": code, "message": message}, status_code=status)


def _json(answer: SegmentationResponse | SegmentationRefused) -> Response:
    return Response(answer.model_dump_json(), media_type="application/json")


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 3)


def _log(event: str, **facts: str | float | None) -> None:
    logger.info(json.dumps({"event": event, **facts}))


def bucket_of_environment() -> ResultsBucket:
    """The bucket named by ``RESULTS_BUCKET``."""
    return ResultsBucket(s3_client(), os.environ[BUCKET_VARIABLE])


def main() -> None:
    """Serve until stopped; ``RESULTS_BUCKET`` must be set."""
    parser = argparse.ArgumentParser(prog="mri_segmentation.server", description=__doc__)
    # SageMaker starts a container with this word appended to its entry point.
    parser.add_argument("command", nargs="?", choices=["serve"], help="may be left out")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    told = parser.parse_args()
    if not os.environ.get(BUCKET_VARIABLE):
        parser.error(f"the environment variable {BUCKET_VARIABLE} is not set")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    threads = int(os.environ.get(THREADS_VARIABLE, "2"))
    app = create_app(lambda: Network(threads=threads), bucket_of_environment)
    # Access logs would repeat what _log says, once a ping.
    uvicorn.run(app, host=told.host, port=told.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
