"""What the servers serve below /files/: a page with images, and files to download."""

import struct
import zlib

# The page's images are this many, half of them PNG and half SVG, and image N is N pixels wide. A
# browser has to fetch them over six connections at most, so some of those are used again.
IMAGES = 24
DOWNLOAD_SIZE = 3_000_000

PAGE = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>Images</title></head><body>
{images}
<pre id="report"></pre>
<script>
addEventListener('load', () => {{
  const widths = [...document.images].map(image => image.naturalWidth).join(' ');
  const fetched = performance.getEntriesByType('resource');
  const reused = fetched.filter(entry => entry.connectStart === entry.connectEnd).length;
  const protocols = [...new Set(fetched.map(entry => entry.nextHopProtocol))].join(' ');
  document.getElementById('report').textContent =
    `widths: ${{widths}}; reused: ${{reused}}; protocols: ${{protocols}};`;
}});
</script>
</body></html>
"""


def make(directory):
    """Writes the site below the directory, and returns its root."""
    root = directory / "root"
    (root / "page").mkdir(parents=True)
    names = [f"{width}.{'png' if width % 2 else 'svg'}" for width in range(1, IMAGES + 1)]
    for width, name in enumerate(names, start=1):
        (root / "page" / name).write_bytes(png(width) if width % 2 else svg(width))
    images = "\n".join(f'<img src="{name}">' for name in names)
    (root / "page" / "index.html").write_text(PAGE.format(images=images))
    (root / "download.bin").write_bytes(download())
    return root


def download():
    """Content that never repeats, so that a missing or doubled part shows."""
    return b"".join(struct.pack(">I", at) for at in range(DOWNLOAD_SIZE // 4))


def svg(width):
    image = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="9"></svg>'
    return image.encode()


def png(width, height=9):
    """A grey rectangle, as RFC 2083 has it."""

    def chunk(kind, data):
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + b"\x80" * width) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
