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
    reused = number(r"reused: (\d+);", report)
    holds("images over a connection that was there already", reused > 0, "more than 0", report)
    equal("protocol", ["http/1.1"], re.findall(r"protocols: (.*);", report))


STEPS = [("chromium: a page with images over keep-alive", images)]
