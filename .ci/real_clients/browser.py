"""Headless Chromium: a page with images."""

import html
import re
import tempfile

from .expect import command, equal, holds, number
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


def images(url):
    """Asks for the page without its slash: the images load only if the redirect is right."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        arguments = [*FLAGS, f"--user-data-dir={profile}", "--dump-dom", f"{url}/files/page"]
        dom, _ = command(["chromium", *arguments])
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


STEPS = [("chromium: a page with images over keep-alive", images)]
