"""Load generators: the steps check the errors that they report, not the rates."""

from .expect import command, equal, holds, number

REQUESTS = 2000


def steps(connections):
    """Opens no more connections than there are workers: the rest would wait for the whole run."""
    return [
        ("wrk: keep-alive", lambda url: wrk(url, connections)),
        ("ab: HTTP/1.0 with keep-alive", lambda url: ab(url, connections, ["-k"])),
        ("ab: a connection per request", lambda url: ab(url, connections, [])),
        ("h2load: HTTP/1.1", lambda url: h2load(url, connections)),
    ]


def wrk(url, connections):
    output, _ = command(["wrk", "-t1", f"-c{connections}", "-d2s", f"{url}/"])
    holds("requests", number(r"(\d+) requests in", output) > 0, "more than 0", output)
    # Both lines are there only if there is something to count.
    for trouble in ["Socket errors", "Non-2xx"]:
        holds("wrk's report", trouble not in output, f"no line with {trouble!r}", output)


def ab(url, connections, keep_alive):
    output, _ = command(["ab", "-q", *keep_alive, f"-n{REQUESTS}", f"-c{connections}", f"{url}/"])
    equal("complete requests", REQUESTS, number(r"Complete requests:\s+(\d+)", output))
    equal("failed requests", 0, number(r"Failed requests:\s+(\d+)", output))
    holds("ab's report", "Non-2xx" not in output, "no line with 'Non-2xx'", output)
    if keep_alive:
        kept = number(r"Keep-Alive requests:\s+(\d+)", output)
        holds("keep-alive requests", kept > 0, "more than 0", kept)


def h2load(url, connections):
    arguments = ["--h1", "-t1", f"-n{REQUESTS}", f"-c{connections}"]
    output, _ = command(["h2load", *arguments, f"{url}/"])
    equal("succeeded", REQUESTS, number(r"requests: .* (\d+) succeeded", output))
    equal("2xx", REQUESTS, number(r"status codes: (\d+) 2xx", output))
