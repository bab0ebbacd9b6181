"""Python's http.client, on persistent connections."""

import http.client
import urllib.parse

from .expect import DEADLINE_S, equal


def connection(url):
    return http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=DEADLINE_S)


def exchange(client, method, path, **options):
    client.request(method, path, **options)
    response = client.getresponse()
    return response, response.read()


def one_connection(url):
    client = connection(url)
    client.connect()
    socket = client.sock
    for method, path, status, body in [
        ("GET", "/", 200, b"Hello, World!\n"),
        ("HEAD", "/", 200, b""),
        ("GET", "/nothing", 404, None),
        ("GET", "/files/page", 301, None),
        ("HEAD", "/files/download.bin", 200, b""),
        ("DELETE", "/", 405, None),
        ("OPTIONS", "/", 204, b""),
        ("GET", "/bytes?n=100000", 200, b"x" * 100_000),
    ]:
        response, content = exchange(client, method, path)
        equal(f"status of {method} {path}", status, response.status)
        if body is not None:
            equal(f"body of {method} {path}", body, content)
        # http.client drops its socket when the server says that it will close.
        equal(f"still the same connection after {method} {path}", True, client.sock is socket)
    client.close()


def conditional(url):
    client = connection(url)
    response, _ = exchange(client, "HEAD", "/files/download.bin")
    for field, condition in [("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since")]:
        headers = {condition: response.headers[field]}
        answer, content = exchange(client, "GET", "/files/download.bin", headers=headers)
        equal(f"status with {headers}", (304, b""), (answer.status, content))
    equal("status afterwards", 200, exchange(client, "GET", "/")[0].status)
    client.close()


def chunked_upload(url):
    parts = [b"a", b"", b"bc" * 5000, b"d" * 100_000]
    client = connection(url)
    for _ in range(3):
        # Without a length an iterable is sent in chunks, one for each part.
        response, content = exchange(client, "POST", "/echo", body=iter(parts))
        equal("status", 200, response.status)
        equal("the echo", b"".join(parts), content)
    client.close()


STEPS = [
    ("http.client: all methods over one connection", one_connection),
    ("http.client: conditional requests", conditional),
    ("http.client: chunked uploads", chunked_upload),
]
