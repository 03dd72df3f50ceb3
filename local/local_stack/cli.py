"""``python -m local_stack``: run the stack, run one function, read its logs."""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_stack.stop_request import StopRequest

if TYPE_CHECKING:
    from local_stack.reading_room import ReadingRoom
    from local_stack.stack import LocalStack

DEFAULT_STATE_DIR = Path("out/local")
_STACK_FILE = "stack.json"
_NOTHING_IS_KEPT = (
    "Ready. Studies and results are gone when this stack stops; its list of jobs, logs and traces "
    "stay in its folder until the next one starts there."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local_stack", description=__doc__)
    commands = parser.add_subparsers(required=True)

    up = commands.add_parser("up", help="run the stack until Ctrl-C")
    _add_stack_options(up)
    up.add_argument("--no-model-server", action="store_true", help="start no segmentation server")
    up.add_argument("--port", type=int, help="port of the AWS endpoint (default: a free one)")
    up.add_argument("--api-port", type=int, help="port of the APIs (default: a free one)")
    up.add_argument("--reading-room-port", type=int, help="its port (default: a free one)")
    up.add_argument("--no-reading-room", action="store_true", help="serve the APIs alone")
    up.add_argument("--verbose", action="store_true", help="list what is not created, and why")
    up.set_defaults(run=_up)

    invoke = commands.add_parser("invoke", help="run one function with an event")
    _add_stack_options(invoke)
    invoke.add_argument("function", help="logical id, function name or folder name")
    invoke.add_argument("event", help="file with the event, or - for standard input")
    invoke.set_defaults(run=_invoke)

    logs = commands.add_parser("logs", help="print what the functions wrote")
    logs.add_argument("--state-dir", type=Path, default=DEFAULT_STATE_DIR)
    logs.add_argument("--job", help="only this study, with its trace")
    logs.add_argument("--follow", action="store_true", help="keep printing")
    logs.set_defaults(run=_logs)
    return parser


def _add_stack_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--template",
        type=Path,
        help="another template; without it this product's, with its database and knowledge",
    )
    parser.add_argument(
        "--built",
        type=Path,
        metavar="TEMPLATE",
        help="this product's template as built by `make build LAMBDA_PYTHON=here`",
    )
    parser.add_argument("--state-dir", type=Path, default=DEFAULT_STATE_DIR)
    parser.add_argument(
        "--param", action="append", default=[], metavar="K=V", help="a template parameter"
    )
    parser.add_argument(
        "--env", action="append", default=[], metavar="K=V", help="a variable of every function"
    )


def _up(options: argparse.Namespace) -> int:
    if running := _running_stack(options.state_dir):
        raise SystemExit(
            f"A stack already runs on {options.state_dir} (process {running['pid']}): "
            "stop it, or give this one another --state-dir."
        )
    room = _reading_room(options)
    if room is not None:
        options.param = [*options.param, f"ReadingRoomOrigin={room.url}"]
    with StopRequest() as stop, contextlib.ExitStack() as closing:
        stack = closing.enter_context(_stack(options, options.state_dir))
        print(_summary(stack.description(), options.state_dir, options.verbose), flush=True)
        print(_NOTHING_IS_KEPT, flush=True)
        if room is not None:
            closing.callback(room.stop)
            try:
                room.start(stack)
            except RuntimeError as error:
                raise SystemExit(str(error)) from None
            print(f"\nReading room: {room.url}   (sign in as any of the demo people)", flush=True)
        stop.wait()
        print("Stopping.", flush=True)
    return 0


def _reading_room(options: argparse.Namespace) -> ReadingRoom | None:
    if options.template is not None or options.no_reading_room:
        return None
    from local_stack.reading_room import ReadingRoom, free_port

    return ReadingRoom(Path.cwd(), options.reading_room_port or free_port())


def _stack(options: argparse.Namespace, state_dir: Path) -> LocalStack:
    """The stack of the template that was named, or of this product."""
    parameters, environment = _pairs(options.param), _pairs(options.env)
    if options.template is None:
        from local_stack import language_model, vision_language
        from local_stack.product import product_stack
        from local_stack.stack import GatewaySpec

        try:
            server = vision_language.from_variables(os.environ)
            writer = language_model.from_variables(os.environ)
        except (vision_language.UnsafeAddress, language_model.UnusableLanguageModel) as error:
            raise SystemExit(str(error)) from None
        for notice in [asked.notice() for asked in (server, writer) if asked is not None]:
            print(notice, file=sys.stderr, flush=True)
        more: dict[str, Any] = {"port": getattr(options, "port", None)}
        if getattr(options, "no_model_server", False):
            more["model_server"] = None
        if hasattr(options, "api_port"):
            more["gateway"] = GatewaySpec(port=options.api_port)
        return product_stack(
            Path.cwd(),
            state_dir,
            template=options.built,
            parameters=parameters,
            environment=environment,
            vision_language=server,
            language_model=writer,
            **more,
        )
    from local_stack.stack import LocalStack

    return LocalStack(
        options.template,
        state_dir,
        parameters,
        environment,
        port=getattr(options, "port", None),
    )


def _summary(description: dict[str, Any], state_dir: Path, verbose: bool = False) -> str:
    rows = {
        "AWS endpoint": description["endpoint_url"],
        "SageMaker runtime": description["sagemaker_runtime_url"],
        "Model server": description["model_server_url"] or "none",
        "REST API": _or_none(description.get("api_url"), "/v1"),
        "Live updates": _or_none(description.get("websocket_url")),
        "Sign-in": _or_none(
            description.get("issuer"), " (anybody on this machine, without password)"
        ),
        "State machine": description["state_machine_arn"] or "none",
        **{f"Bucket {name}": bucket for name, bucket in description["buckets"].items()},
        "Functions": ", ".join(f["folder"] for f in description["functions"].values()),
        "Database": description["database_url"] or "none",
        "State": str(state_dir / _STACK_FILE),
    }
    skipped = description["skipped"]
    if skipped:
        where = "listed below" if verbose else f"listed in {rows['State']}; see local/README.md"
        rows["Not created"] = f"{len(skipped)} of the template's resources ({where})"
    lines = [f"{name:<22}{value}" for name, value in rows.items()]
    if verbose:
        lines += [f"  {n} ({entry['type']}): {entry['reason']}" for n, entry in skipped.items()]
    return "\n".join(lines)


def _or_none(address: str | None, more: str = "") -> str:
    return f"{address}{more}" if address else "none"


def _invoke(options: argparse.Namespace) -> int:
    try:
        text = sys.stdin.read() if options.event == "-" else Path(options.event).read_text()
        event = json.loads(text)
    except (OSError, ValueError) as error:
        raise SystemExit(
            f"{options.event} is no event: {error}{_known_functions(options)}"
        ) from None
    running = _running_stack(options.state_dir)
    if running is not None:
        payload, log, failed = _invoke_in_running_stack(running, options.function, event)
    else:
        payload, log, failed = _invoke_in_new_stack(options, event)
    sys.stderr.write(log)
    print(payload)
    return 1 if failed else 0


def _known_functions(options: argparse.Namespace) -> str:
    """The functions of this product, where the one that was named is none of them."""
    if options.template is not None:
        return ""
    known = sorted(app.parent.name for app in Path("functions").glob("*/app.py"))
    if options.function in known:
        return ""
    return f"\nNo function {options.function!r}; there are {', '.join(known)}."


def _running_stack(state_dir: Path) -> dict[str, Any] | None:
    try:
        description: dict[str, Any] = json.loads((state_dir / _STACK_FILE).read_text())
        os.kill(description["pid"], 0)
    except (OSError, ValueError):
        return None
    return description


def _invoke_in_running_stack(
    description: dict[str, Any], function: str, event: Any
) -> tuple[str, str, bool]:
    from local_stack.account import AwsClients

    names = {
        alias: entry["name"]
        for logical_id, entry in description["functions"].items()
        for alias in (logical_id, entry["name"], entry["folder"])
    }
    if function not in names:
        raise SystemExit(f"No function {function!r}; there are {', '.join(sorted(names))}.")
    answer = (
        AwsClients(description["endpoint_url"])
        .client("lambda")
        .invoke(FunctionName=names[function], Payload=json.dumps(event), LogType="Tail")
    )
    log = base64.b64decode(answer.get("LogResult", "")).decode("utf-8", "replace")
    return answer["Payload"].read().decode(), log, "FunctionError" in answer


def _invoke_in_new_stack(options: argparse.Namespace, event: Any) -> tuple[str, str, bool]:
    with contextlib.ExitStack() as cleaning:
        state_dir = cleaning.enter_context(tempfile.TemporaryDirectory(prefix="mri-stack-"))
        stack = cleaning.enter_context(_stack(options, Path(state_dir)))
        try:
            invocation = stack.invoke(options.function, event)
        except KeyError as error:
            raise SystemExit(str(error.args[0])) from None
        return (
            invocation.payload.decode("utf-8", "replace"),
            invocation.log,
            invocation.function_error is not None,
        )


def _logs(options: argparse.Namespace) -> int:
    from local_stack.logs import format_line, read_lines, segments_of_job, trace_tree

    for function, line in read_lines(options.state_dir / "logs", follow=options.follow):
        if options.job is None or options.job in line:
            print(format_line(function, line), flush=options.follow)
    if options.job is not None:
        traces = segments_of_job(options.state_dir / "traces.jsonl", options.job)
        for trace_id, segments in traces.items():
            print(f"\nTrace {trace_id}")
            print("\n".join(trace_tree(segments)))
    return 0


def _pairs(items: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for item in items:
        name, separator, value = item.partition("=")
        if not separator:
            raise SystemExit(f"{item!r} is not of the form NAME=VALUE.")
        pairs[name] = value
    return pairs
