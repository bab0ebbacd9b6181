"""Expectations that say what was expected and what came, and commands that always end."""

import os
import re
import signal
import subprocess

# Far longer than any step takes, even on a busy machine.
DEADLINE_S = 100


class Unexpected(Exception):
    def __init__(self, what, expected, seen):
        super().__init__(f"  {what}\n  expected: {expected}\n  seen:     {shorten(seen)}")


def shorten(seen, limit=2000):
    text = seen if isinstance(seen, str) else repr(seen)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} in all)"


def equal(what, expected, seen):
    if expected != seen:
        raise Unexpected(what, shorten(expected), seen)


def holds(what, condition, expected, seen):
    if not condition:
        raise Unexpected(what, expected, seen)


def number(pattern, output):
    """The number that the pattern's group finds in a tool's output."""
    found = re.search(pattern, output)
    holds("the tool's output", found, f"a line like {pattern!r}", output)
    return int(found.group(1))


def command(arguments, exit_codes=(0,), **options):
    """Runs a command to its end: its output and its errors, as text."""
    # In its own session, so that every process that it starts can be ended with it.
    process = subprocess.Popen(
        [str(argument) for argument in arguments],
        stdin=options.pop("stdin", subprocess.DEVNULL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        **options,
    )
    try:
        output, errors = process.communicate(timeout=DEADLINE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, errors = process.communicate()
        said = text(output + errors)
        raise Unexpected(arguments[0], f"an end within {DEADLINE_S} s", said) from None
    output, errors = text(output), text(errors)
    if process.returncode not in exit_codes:
        raise Unexpected(
            " ".join(map(str, arguments)),
            f"exit code {' or '.join(map(str, exit_codes))}",
            f"exit code {process.returncode}: {output}{errors}",
        )
    return output, errors


def text(data):
    return data.decode("utf-8", "replace")
