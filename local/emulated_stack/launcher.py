"""MiniStack with functions that run as on Lambda. Runs in .venv-emulated, imports nothing of ours.

MiniStack runs Python functions in a worker of its own. That worker loses the class of what a
handler raised, so the state machine's ``Retry`` and ``Catch`` match nothing, and unpacks the layer
anew for each process. For ``provided.*`` runtimes MiniStack serves Lambda's Runtime API instead.
Here Python functions take that way: their "bootstrap" is ``awslambdaric``, the client of AWS's own
Python images. Private names of one exact version are replaced for it, so they are checked first.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import os
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from emulated_stack import missing_types

MINISTACK_VERSION = "1.5.33"
KNOWN_FUNCTIONS = {
    # replaced
    "ministack.core.lambda_runtime:_worker_class_for": "config",
    "ministack.services.lambda_svc:_execute_function_warm": "func event request_id",
    "ministack.services.lambda_svc:_provided_runtime_code_dir": "code_zip",
    "ministack.services.lambda_svc:_provided_worker_env": "config code_dir port",
    "ministack.services.lambda_svc:_execute_function_with_config_scope": "func event",
    "ministack.core.iam_actions:extract_resource_arn": (
        "service method path headers body query_params region account_id"
    ),
    "ministack.services.apigateway_v1:_resolve_jwks_url": "authorizer",
    "ministack.app:_port_is_bindable": "host port",
    # called
    "ministack.services.cloudformation.custom_resource:deliver_response": "token response",
    "ministack.core.lambda_runtime:ProvidedWorker": "func_name config code_zip",
    "ministack.services.lambda_svc:_execute_function_provided_warm": "func event request_id",
    "ministack.services.lambda_svc:_resolve_layer_zip": "attachment",
    "ministack.services.stepfunctions:_publish_state_machine_version": "data",
    "ministack.services.stepfunctions:_create_state_machine_alias": "data",
}
"""What this file replaces and calls, with the parameters it must have."""

_BOOTSTRAP = f"""\
#!/bin/sh
exec "{sys.executable}" -m awslambdaric "$_HANDLER"
"""
_LAYER_ROOT = "/opt/"


def check_ministack() -> None:
    """Stop with a sentence where MiniStack is not what this file was written for."""
    found = version("ministack")
    if found != MINISTACK_VERSION:
        raise SystemExit(f"MiniStack {found} is installed; launcher.py knows {MINISTACK_VERSION}.")
    for place, parameters in KNOWN_FUNCTIONS.items():
        module, _, name = place.partition(":")
        function = getattr(import_module(module), name, None)
        if function is None or list(inspect.signature(function).parameters) != parameters.split():
            raise SystemExit(f"{place} of MiniStack {found} is not what launcher.py knows.")


class Unpacked:
    """Archives, each set unpacked once into a folder named after its content."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()

    def folder(self, archives: tuple[bytes, ...], bootstrap: str | None = None) -> Path:
        """Unpack ``archives`` over each other, as Lambda does with layers below /opt."""
        digest = hashlib.sha256(b"".join(hashlib.sha256(a).digest() for a in archives))
        target = self._root / digest.hexdigest()[:16]
        with self._lock:
            if not target.exists():
                draft = target.with_suffix(".tmp")
                draft.mkdir(parents=True)
                for archive in archives:
                    zipfile.ZipFile(io.BytesIO(archive)).extractall(draft)
                if bootstrap is not None:
                    (draft / "bootstrap").write_text(bootstrap)
                    (draft / "bootstrap").chmod(0o755)
                draft.rename(target)
        return target


def run_functions_with_awslambdaric(unpacked: Unpacked) -> None:
    """Run Python functions as ``provided.*`` functions whose bootstrap is ``awslambdaric``."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    original_environment = lambda_svc._provided_worker_env

    def worker_class(config: Mapping[str, Any]) -> Any:
        return lambda_runtime.ProvidedWorker

    def code_folder(code_zip: bytes) -> str:
        return str(unpacked.folder((code_zip,), _BOOTSTRAP))

    def environment(config: Mapping[str, Any], code_dir: str, port: int) -> dict[str, str]:
        archives = (lambda_svc._resolve_layer_zip(layer) for layer in config.get("Layers") or [])
        layers = unpacked.folder(tuple(archive for archive in archives if archive))
        variables = {
            name: value.replace(_LAYER_ROOT, f"{layers}/", 1)
            if value.startswith(_LAYER_ROOT)
            else value
            for name, value in original_environment(config, code_dir, port).items()
        }
        variables["PYTHONPATH"] = os.pathsep.join((code_dir, f"{layers}/python"))
        variables["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{config.get('Runtime')}"
        return variables

    lambda_runtime._worker_class_for = worker_class
    lambda_svc._execute_function_warm = lambda_svc._execute_function_provided_warm
    lambda_svc._provided_runtime_code_dir = code_folder
    lambda_svc._provided_worker_env = environment


def authorize_task_answers() -> None:
    """Check ``SendTask...`` against the state machine, as AWS does; MiniStack wants ``*``."""
    from ministack.core import iam_actions
    from ministack.services import stepfunctions

    original = iam_actions.extract_resource_arn

    def resource_arn(service: str, method: str, path: str, headers: Any, *rest: Any) -> str:
        if service == "states" and ".SendTask" in headers.get("x-amz-target", ""):
            # A task token does not say whose it is; the deployed stack has one state machine.
            return str(next(iter(stepfunctions._state_machines)))
        return str(original(service, method, path, headers, *rest))

    iam_actions.extract_resource_arn = resource_arn


def answering_for_the_failed(
    execute: Callable[[Any, Any], Any], deliver: Callable[[str, dict[str, Any]], Any]
) -> Callable[[Any, Any], Any]:
    """``execute``, with an answer in the name of a custom resource's function that failed.

    CloudFormation would wait for it until the resource's time limit, in silence.
    """

    def executed(func: Any, event: Any) -> Any:
        address = event.get("ResponseURL") if isinstance(event, Mapping) else None
        try:
            result = execute(func, event)
        except Exception as error:
            if address:
                deliver(address.rpartition("/")[2], _failed(type(error).__name__, error))
            raise
        if address and isinstance(result, Mapping) and result.get("error"):
            told = result.get("body")
            told = told if isinstance(told, Mapping) else {"errorMessage": told}
            reason = _failed(told.get("errorType", "Error"), told.get("errorMessage"))
            deliver(address.rpartition("/")[2], reason)
        return result

    return executed


def _failed(kind: Any, message: Any) -> dict[str, Any]:
    reason = f"The function failed without an answer: {kind}: {message}"
    print(reason, file=sys.stderr, flush=True)
    return {"Status": "FAILED", "Reason": reason}


def tell_of_failed_custom_resources() -> None:
    """End the creation of a custom resource when its function fails, not at its time limit."""
    from ministack.services import lambda_svc
    from ministack.services.cloudformation import custom_resource

    lambda_svc._execute_function_with_config_scope = answering_for_the_failed(
        lambda_svc._execute_function_with_config_scope, custom_resource.deliver_response
    )


def serve_over_tls_only() -> None:
    """Look for the keys of the user pool where they are served; leave port 443 alone."""
    from ministack import app
    from ministack.services import apigateway_v1

    original = apigateway_v1._resolve_jwks_url

    async def keys_url(authorizer: Mapping[str, Any]) -> str | None:
        url = await original(authorizer)
        return url.replace("http://", "https://", 1) if url else None

    apigateway_v1._resolve_jwks_url = keys_url
    app._port_is_bindable = lambda host, port: False


def main() -> None:
    """Serve until the process ends."""
    from ministack import app

    check_ministack()
    serve_over_tls_only()
    with tempfile.TemporaryDirectory(prefix="functions-") as folder:
        run_functions_with_awslambdaric(Unpacked(Path(folder)))
        authorize_task_answers()
        tell_of_failed_custom_resources()
        missing_types.teach()
        app.main()


if __name__ == "__main__":
    main()
