"""Serves the template's APIs through the Lambda runtime, as API Gateway does.

==========================  ====================================================================
``/v1/...``                 the REST API: token, throttle, body and route are checked first
``/live``                   the WebSocket API
``/@connections/{id}``      its management address, for the functions
==========================  ====================================================================

Not here: request signatures of the management address, idle sockets ending after ten minutes, WAF.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import threading
import time
import uuid
from collections.abc import Sequence
from typing import Any

import jsonschema
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route as HttpRoute
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from local_stack.api_gateway.definitions import RestApi, Route, WebSocketApi
from local_stack.api_gateway.proxy_events import (
    MalformedAnswer,
    Request,
    proxy_answer,
    proxy_event,
    socket_event,
)
from local_stack.api_gateway.throttle import Throttle
from local_stack.api_gateway.tokens import TokenExpired, TokenRefused, TokenVerifier
from local_stack.lambda_runtime import LambdaRunner, TooManyRequestsError

logger = logging.getLogger(__name__)

LONGEST_BODY = 10 * 1024 * 1024
LONGEST_ANSWER_S = 29.0
LONGEST_MESSAGE = 128 * 1024
LONGEST_SOCKET_S = 2 * 3600.0
"""Quotas of API Gateway (developer guide, quotas for REST and WebSocket APIs)."""
_GONE = b'{"message":"Gone"}'


class _AnyPath(PathConvertor):
    """Any path, also with line feeds: those Starlette would answer itself, unlike API Gateway."""

    regex = r"[\s\S]*"


register_url_convertor("any", _AnyPath())


class ApiGateway:
    """The APIs of one stack on one port of 127.0.0.1.

    Parameters
    ----------
    runner
        Runs the functions.
    verifier
        Checks ID tokens; None refuses every route that needs one.
    port
        None for a free one.
    """

    def __init__(
        self, runner: LambdaRunner, verifier: TokenVerifier | None, port: int | None = None
    ) -> None:
        self._runner = runner
        self._verifier = verifier
        # Bound at once: the address is part of the functions' environment. With its protocol named:
        # asyncio turns Nagle's algorithm off for such sockets only, and each answer took 48 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port or 0))
        self._rest = RestApi((), {}, {})
        self._sockets_api = WebSocketApi()
        self._throttle = Throttle(None)
        self._open: dict[str, WebSocket] = {}
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Address of the REST API, without the slash at its end."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    @property
    def websocket_url(self) -> str:
        """Address of the WebSocket API."""
        return self.url.replace("http", "ws", 1) + "/live"

    def serve(self, rest: RestApi, sockets: WebSocketApi) -> None:
        """Start to answer, in a thread."""
        self._rest, self._sockets_api = rest, sockets
        self._throttle = Throttle(rest.requests_per_second)
        config = uvicorn.Config(
            self._application(),
            log_level="critical",
            lifespan="off",
            ws_max_size=LONGEST_MESSAGE,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop answering and free the port."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(5)
        self._socket.close()

    def _application(self) -> Starlette:
        every = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        return Starlette(
            routes=[
                WebSocketRoute("/live", self._socket_opened),
                HttpRoute("/@connections/{connection_id}", self._manage, methods=every),
                HttpRoute("/{path:any}", self._answer, methods=every),
            ]
        )

    # ---- REST ------------------------------------------------------------------------------------

    async def _answer(self, http: HttpRequest) -> Response:
        body = bytearray()
        async for chunk in http.stream():
            body += chunk
            if len(body) > LONGEST_BODY:
                return self._refuse("REQUEST_TOO_LARGE", "Request Too Long")
        request = Request(
            method=http.method,
            path=http.url.path,
            headers=list(http.headers.items()),
            query=list(http.query_params.multi_items()),
            body=bytes(body),
            source_ip=http.client.host if http.client else "127.0.0.1",
        )
        return await run_in_threadpool(self._answer_request, request)

    def _answer_request(self, request: Request) -> Response:
        found = self._find(request)
        if found is None:
            return self._without_function(request)
        route, parameters = found
        if not self._throttle.takes():
            return self._refuse("THROTTLED", "Too Many Requests")
        claims = None
        if route.signed_in:
            try:
                claims = self._claims(request.headers)
            except TokenExpired:
                return self._refuse("EXPIRED_TOKEN", "The incoming token has expired")
            except TokenRefused:
                return self._refuse("UNAUTHORIZED", "Unauthorized")
        if route.body_schema is not None and not _fits(request, route.body_schema):
            return self._refuse("BAD_REQUEST_BODY", "Invalid request body")
        return self._ask(route, proxy_event(request, route.path, parameters, claims))

    def _ask(self, route: Route, event: dict[str, Any]) -> Response:
        started = time.monotonic()
        try:
            invocation = self._runner.invoke(route.function, json.dumps(event).encode())
        except TooManyRequestsError:
            return self._refuse("INTEGRATION_FAILURE", "Internal server error", status=500)
        if time.monotonic() - started > LONGEST_ANSWER_S:
            return self._refuse("INTEGRATION_TIMEOUT", "Endpoint request timed out")
        try:
            if invocation.function_error is not None:
                raise MalformedAnswer(invocation.function_error)
            answer = proxy_answer(invocation.payload)
        except MalformedAnswer:
            logger.warning("%s gave no answer for %s", route.function, route.path)
            return self._refuse("INTEGRATION_FAILURE", "Internal server error", status=502)
        response = Response(answer.body, answer.status)
        for name, value in answer.headers:
            response.headers.append(name, value)
        return response

    def _find(self, request: Request) -> tuple[Route, dict[str, str]] | None:
        for route in self._rest.routes:
            if route.method == request.method:
                match = route.pattern.fullmatch(request.path)
                if match:
                    return route, match.groupdict()
        return None

    def _without_function(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            for path, headers in self._rest.cors.items():
                if Route("", path, "", False).pattern.fullmatch(request.path):
                    return Response("{}", 200, headers, "application/json")
        return self._refuse("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")

    def _claims(self, headers: Sequence[tuple[str, str]]) -> dict[str, str]:
        if self._verifier is None:
            raise TokenRefused("nobody can sign in")
        given = [value for name, value in headers if name.lower() == "authorization"]
        return self._verifier.claims(given[-1] if given else None)

    def _refuse(self, kind: str, message: str, status: int | None = None) -> Response:
        refusal = self._rest.refusal(kind)
        return Response(refusal.text(message), status or refusal.status, refusal.headers)

    # ---- WebSocket -------------------------------------------------------------------------------

    async def _socket_opened(self, ws: WebSocket) -> None:
        connection_id, connected_at = uuid.uuid4().hex[:16], time.time()
        query = list(ws.query_params.multi_items())

        async def call(route: str, body: str | None = None) -> int:
            event = socket_event(route, connection_id, connected_at, query=query, body=body)
            return await run_in_threadpool(self._call, route, event)

        status = await call("$connect")
        if not 200 <= status < 300:
            await ws.send_denial_response(Response(status_code=status))
            return
        await ws.accept()
        self._open[connection_id] = ws
        try:
            async with asyncio.timeout(LONGEST_SOCKET_S):
                while True:
                    await call("$default", await ws.receive_text())
        except (WebSocketDisconnect, TimeoutError, KeyError, RuntimeError):
            pass  # left, stayed too long, or sent what is no text
        finally:
            del self._open[connection_id]
            await call("$disconnect")
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await ws.close(1001)

    def _call(self, route: str, event: dict[str, Any]) -> int:
        function = self._sockets_api.routes.get(route)
        if function is None:
            return 403
        invocation = self._runner.invoke(function, json.dumps(event).encode())
        if invocation.function_error is not None:
            return 500
        return int((json.loads(invocation.payload) or {}).get("statusCode", 200))

    async def _manage(self, http: HttpRequest) -> Response:
        """``POST``, ``GET`` and ``DELETE`` of one connection."""
        ws = self._open.get(http.path_params["connection_id"])
        if ws is None or ws.application_state is not WebSocketState.CONNECTED:
            return Response(_GONE, 410, {"x-amzn-ErrorType": "GoneException"}, "application/json")
        try:
            if http.method == "POST":
                await ws.send_text((await http.body()).decode())
            elif http.method == "DELETE":
                await ws.close(1000)
        except (RuntimeError, WebSocketDisconnect):
            return Response(_GONE, 410, {"x-amzn-ErrorType": "GoneException"}, "application/json")
        return Response("{}", 200, media_type="application/json")


def _fits(request: Request, schema: Any) -> bool:
    """Whether API Gateway's validator lets a body pass: other content types it does not look at."""
    kinds = [value for name, value in request.headers if name.lower() == "content-type"]
    if kinds and not kinds[-1].startswith("application/json"):
        return True
    try:
        jsonschema.validate(json.loads(request.body), schema)
    except (ValueError, RecursionError, jsonschema.ValidationError):
        return False
    return True
