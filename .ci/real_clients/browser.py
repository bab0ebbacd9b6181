"""Headless Chromium: a page with images, and the status page, which updates itself."""

import html
import re
import tempfile
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .expect import DEADLINE_S, command, equal, holds, number
from .site import IMAGES

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def dump(url, *flags):
    """The page after its scripts ran."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        arguments = [*FLAGS, *flags, f"--user-data-dir={profile}", "--dump-dom", url]
        dom, _ = command(["chromium", *arguments])
    return dom


def images(url):
    """Asks for the page without its slash: the images load only if the redirect is right."""
    dom = dump(f"{url}/files/page")
    found = re.search(r'<pre id="report">(.*?)</pre>', dom, re.DOTALL)
    holds("the page's script", found, "a report", dom)
    report = html.unescape(found.group(1))
    # An image that has not loaded is 0 wide.
    widths = " ".join(str(width) for width in range(1, IMAGES + 1))
    holds("images", f"widths: {widths};" in report, f"widths: {widths};", report)
    # A browser has at most six connections to a host, so the others came over one that was there
    # already. Its clock for pages is coarse and may miss how long it took to connect, which makes
    # a few new connections look like old ones: hence half of them, not one.
    reused = number(r"reused: (\d+);", report)
    what = "images over a connection that was there already"
    holds(what, reused >= IMAGES // 2, f"{IMAGES // 2} or more", report)
    equal("protocol", ["http/1.1"], re.findall(r"protocols: (.*);", report))


def status(url):
    """One bad answer must not stop the status page from updating. A proxy between server and
    browser sends that answer; the page is the server's own."""
    with urllib.request.urlopen(f"{url}/status?refresh=1", timeout=DEADLINE_S) as answer:
        page = answer.read().decode()
    later = page.replace("<h1>", "<h1>later: ")
    answers = [(200, page), (503, "too many"), (404, "gone"), (200, "<p>no status</p>")]
    asked = []

    class Between(BaseHTTPRequestHandler):
        def do_GET(self):
            is_status = self.path == "/status"
            asked.append(self.path)
            code, text = (404, "") if not is_status else answers.pop(0) if answers else (200, later)
            content = text.encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Between) as between:
        threading.Thread(target=between.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{between.server_port}/status"
        # The browser's clock runs ahead whenever the page waits for nothing but time.
        dom = dump(address, "--virtual-time-budget=20000")
        between.shutdown()
    looks = asked.count("/status")
    holds("looks of the page after answers that are none", looks >= 5, "5 or more", str(looks))
    holds("the page in the end", "<h1>later: " in dom, "one that came after them", dom)
    holds("its mark of trouble", 'class="gone"' not in dom, "taken away", dom)


STEPS = [
    ("chromium: a page with images over keep-alive", images),
    ("chromium: the status page survives answers that are none", status),
]
