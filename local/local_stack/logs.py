"""Read what the functions wrote: all of it, or what belongs to one study, with its trace."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local_stack.traces import read_segments

_FOLLOW_PAUSE_S = 0.2


def read_lines(log_directory: Path, *, follow: bool = False) -> Iterator[tuple[str, str]]:
    """Yield ``(function, line)``, file by file, then as lines are added when ``follow`` is set.

    A line is yielded once it is complete.
    """
    offsets: dict[Path, int] = {}
    while True:
        for path in sorted(log_directory.glob("*.log")):
            with path.open("rb") as log:
                log.seek(offsets.get(path, 0))
                text = log.read()
            complete = text[: text.rfind(b"\n") + 1]
            offsets[path] = offsets.get(path, 0) + len(complete)
            for line in complete.decode("utf-8", "replace").splitlines():
                yield path.stem, line
        if not follow:
            return
        time.sleep(_FOLLOW_PAUSE_S)


_FACTS = ("outcome", "code", "reason", "inference_id", "completed")


def format_line(function: str, line: str) -> str:
    """Shorten a structured log line to what a person reads first.

    >>> format_line("prepare-study", '{"level": "INFO", "message": "done", "job_id": "j1"}')
    'prepare-study             INFO    done'
    >>> format_line("prepare-study", "START RequestId: 1")
    'prepare-study             START RequestId: 1'
    """
    try:
        record = json.loads(line)
        shown = f"{record['level']:<7} {record['message']}"
    except (ValueError, TypeError, KeyError):
        shown = line
    else:
        shown += "".join(f"  {key}={record[key]}" for key in _FACTS if key in record)
        if "exception" in record:
            shown += f"\n{record['exception']}"
    return f"{function:<25} {shown}"


def segments_of_job(trace_file: Path, job_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return the segments of every trace that mentions the study, by trace id, oldest first."""
    by_trace: dict[str, list[dict[str, Any]]] = {}
    for segment in read_segments(trace_file):
        by_trace.setdefault(str(segment.get("trace_id")), []).append(segment)
    mentioned = {
        trace_id: segments
        for trace_id, segments in by_trace.items()
        if any(job_id in json.dumps(segment) for segment in segments)
    }
    return dict(sorted(mentioned.items(), key=lambda item: _start(item[1])))


def trace_tree(segments: list[dict[str, Any]]) -> list[str]:
    """Draw the segments of one trace as an indented tree with durations."""
    nodes: dict[str, Mapping[str, Any]] = {}
    children: dict[str | None, list[str]] = {}

    def add(segment: Mapping[str, Any], parent: str | None) -> None:
        nodes[segment["id"]] = segment
        children.setdefault(parent, []).append(segment["id"])
        for child in segment.get("subsegments", []):
            add(child, segment["id"])

    for segment in segments:
        add(segment, segment.get("parent_id"))
    roots = [node for parent, ids in children.items() if parent not in nodes for node in ids]
    lines: list[str] = []

    def draw(node_id: str, depth: int) -> None:
        segment = nodes[node_id]
        duration_ms = (segment.get("end_time", segment["start_time"]) - segment["start_time"]) * 1e3
        failed = "  FAILED" if segment.get("fault") or segment.get("error") else ""
        lines.append(f"{'  ' * depth}{segment['name']}  {duration_ms:.0f} ms{failed}")
        for child in _by_start(children.get(node_id, []), nodes):
            draw(child, depth + 1)

    for root in _by_start(roots, nodes):
        draw(root, 0)
    return lines


def _by_start(ids: list[str], nodes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return sorted(ids, key=lambda node: float(nodes[node]["start_time"]))


def _start(segments: list[dict[str, Any]]) -> float:
    return min(float(segment["start_time"]) for segment in segments)
