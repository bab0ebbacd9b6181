"""curl: the requests that its users make."""

import tempfile
from pathlib import Path

from .expect import command, equal, holds
from .site import download

# More than the servers' default limit of 1 MiB.
TOO_LARGE = 2 * 1024 * 1024
# curl waits one second for a 100 by default, which is too short on a busy machine.
WAIT_FOR_100 = ["-H", "Expect: 100-continue", "--expect100-timeout", "60"]


def curl(*arguments):
    return command(["curl", "--silent", "--show-error", "--noproxy", "*", *arguments])


def status_of(*arguments):
    """The status and what --write-out adds. The content is dropped."""
    return curl("-o", "/dev/null", "-w", "%{http_code}", *arguments)[0]


def keep_alive(url):
    output, _ = curl("-w", "[%{num_connects} %{http_code}]", f"{url}/", f"{url}/")
    equal("two URLs", "Hello, World!\n[1 200]Hello, World!\n[0 200]", output)


def head(url):
    output, _ = curl("--head", "-w", "[%{num_connects}]", f"{url}/", f"{url}/files/download.bin")
    first, second = output.split("[1]")
    for fields in ["HTTP/1.1 200 OK\r\n", "\r\nContent-Length: 14\r\n"]:
        holds("HEAD /", fields in first, repr(fields), first)
    length = f"\r\nContent-Length: {len(download())}\r\n"
    holds("HEAD of a file, on the same connection", length in second, repr(length), second)
    holds("connections for both", second.endswith("[0]"), "[0] at the end", second)


def post(url):
    output, _ = curl("--data-binary", "a=b&c=d", "-w", "[%{http_code}]", f"{url}/echo")
    equal("the echo", "a=b&c=d[200]", output)


def http_1_0(url):
    output, _ = curl("--http1.0", "--include", f"{url}/")
    holds("the answer", output.endswith("\r\n\r\nHello, World!\n"), "the greeting", output)
    holds("the answer", "\r\nConnection: close\r\n" in output, "Connection: close", output)


def expect_and_continue(url):
    output, trace = curl("--verbose", *WAIT_FOR_100, "--data-binary", "small", f"{url}/echo")
    equal("the echo", "small", output)
    holds("an interim answer", "< HTTP/1.1 100 Continue" in trace, "100 Continue", trace)


def expect_and_refuse(url):
    with tempfile.NamedTemporaryFile() as body:
        body.truncate(TOO_LARGE)
        data = ["--data-binary", f"@{body.name}", "-w", "[%{http_code} %{size_upload}]"]
        output, trace = curl("--verbose", *WAIT_FOR_100, *data, f"{url}/echo")
    holds("the reason", output.startswith("413 Content Too Large: "), "a readable 413", output)
    holds("no byte is uploaded", output.endswith("[413 0]"), "[413 0]", output)
    holds("interim answers", "100 Continue" not in trace, "none", trace)


def conditions(url):
    file = f"{url}/files/download.bin"
    with tempfile.TemporaryDirectory() as directory:
        tag, copy = Path(directory, "tag"), Path(directory, "copy")
        equal("with --etag-save", "200", status_of("--etag-save", tag, file))
        equal("with --etag-compare", "304", status_of("--etag-compare", tag, file))
        curl("--remote-time", "-o", copy, file)
        equal("with --time-cond", "304", status_of("--time-cond", copy, file))


def resume(url):
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory, "copy")
        copy.write_bytes(download()[:1_234_567])
        curl("--fail", "--continue-at", "-", "-o", copy, f"{url}/files/download.bin")
        equal("the download, whole", True, copy.read_bytes() == download())


def redirect(url):
    output = status_of("--location", "-w", "%{http_code} %{url_effective}", f"{url}/files/page?q")
    equal("a directory without its slash", f"200 {url}/files/page/?q", output)


STEPS = [
    ("curl: two URLs over one connection", keep_alive),
    ("curl: HEAD", head),
    ("curl: POST", post),
    ("curl: HTTP/1.0", http_1_0),
    ("curl: Expect, and 100 Continue", expect_and_continue),
    ("curl: Expect, and 413 that can be read", expect_and_refuse),
    ("curl: conditional downloads", conditions),
    ("curl: resumed download", resume),
    ("curl: redirect to a directory", redirect),
]
