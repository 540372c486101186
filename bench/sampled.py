"""Run the command line and sample where its main thread spends processor time.

    python -m bench.sampled OUTPUT serve --config …

A profiling timer (ITIMER_PROF) fires every few milliseconds of processor time; the handler notes the stack. Unlike
cProfile it costs next to nothing per call, so the picture is not distorted by many small functions. Python runs signal
handlers between two bytecodes: time inside a C call counts for the Python line that made the call, and time that the
event loop spends in C before it calls back counts for the first line of the callback, told apart here as `(loop)`.
Compiled modules have no Python frames, so the package's own modules are loaded from their pure sources here.
At exit, OUTPUT gets one JSON object: {"leaf": {…}, "inclusive": {…}, "samples": n}.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

INTERVAL_S = 0.002

LEAF: Counter[str] = Counter()
INCLUSIVE: Counter[str] = Counter()


def name_of(frame: FrameType) -> str:
    """`session.from_server`: module's last name and qualified function name."""
    code = frame.f_code
    return f"{Path(code.co_filename).stem}.{code.co_qualname}"


def is_callback(frame: FrameType) -> bool:
    """Whether the event loop called this function, and not one of ours."""
    return frame.f_back is None or "tidewaiter" not in frame.f_back.f_code.co_filename


def sample(_signal: int, frame: FrameType | None) -> None:
    """Count the interrupted function, and each function on the stack once."""
    if frame is None:
        return
    leaf = name_of(frame)
    line: int | None = frame.f_lineno  # None between some bytecodes, whatever the type stubs say
    if (line is None or line <= frame.f_code.co_firstlineno) and is_callback(frame):
        leaf = f"(loop) before {leaf}"
    LEAF[leaf] += 1
    seen = set()
    at: FrameType | None = frame
    while at is not None:
        seen.add(name_of(at))
        at = at.f_back
    INCLUSIVE.update(seen)


def main() -> None:
    """Arguments: the output file, then the command line's own."""
    output = Path(sys.argv[1])
    sys.argv = ["tidewaiter", *sys.argv[2:]]
    os.environ["TIDEWAITER_MYPYC"] = "0"  # the sampler sees functions of sources only
    import tidewaiter.app.serving  # noqa: F401 - imported before the timer starts: it is the work that is of interest
    from tidewaiter.cli import main as command_line

    signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL_S, INTERVAL_S)

    try:
        command_line()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        found = {"samples": LEAF.total(), "leaf": dict(LEAF.most_common()), "inclusive": dict(INCLUSIVE.most_common())}
        output.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
