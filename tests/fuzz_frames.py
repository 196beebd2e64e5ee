"""Bytes that atheris makes up, guided by the branches they reach: `python -m tests.fuzz_frames --seconds 60`.

A third of them are decoded as an envelope of frames, a third as a frame whose lengths fit, and a third are the records
of a peer that says what it likes on a stream (tests/wires.py); the tests do the same with what Hypothesis makes up
(tests/unit/test_channel_arrivals.py). atheris is in the extra `fuzz`. The exit code is not 0 where anything but a
refusal came out; libFuzzer then writes the input to a file crash-*.
"""

from __future__ import annotations

import argparse
import sys

__all__ = ["main"]


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz_frames", description="Bytes made up for the wire.")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    try:
        import atheris
    except ImportError:
        print("atheris is not installed: pip install 'fedray[fuzz]'", file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=["fedray.channel"]):
        from tests.wires import check_arrivals, check_frames, framed

    def one(data: bytes) -> None:
        said = atheris.FuzzedDataProvider(data[1:])
        if not data or data[0] % 3 == 0:
            check_frames(data[1:])
            return
        if data[0] % 3 == 1:
            label, count, form = (
                said.ConsumeIntInRange(0, 9),
                said.ConsumeIntInRange(0, 3),
                said.ConsumeIntInRange(0, 60),
            )
            check_frames(framed(said.ConsumeBytes(form), said.ConsumeBytes(200), label, count))
            return
        contents = [said.ConsumeBytes(said.ConsumeIntInRange(0, 60)) for _ in range(said.ConsumeIntInRange(0, 5))]
        check_arrivals(contents, [said.ConsumeIntInRange(0, 400) for _ in range(3)])

    limits = [f"-max_total_time={asked.seconds}", f"-seed={asked.seed}", "-max_len=512", "-rss_limit_mb=4096"]
    atheris.Setup([sys.argv[0], *limits], one)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
