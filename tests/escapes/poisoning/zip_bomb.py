# /// attack
# tries = "hands in an archive of half a megabyte that becomes half a gigabyte, one of an archive in an archive in an archive"
# held = "refused by what it declares and by what it holds; nothing is run"
# exit = ["exited"]
# points = 0
# ///
import io
import zipfile


def hand_in(folder, places):
    with zipfile.ZipFile(folder / "work.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("lab.ipynb", "w") as entry:
            for _ in range(512):
                entry.write(bytes(1 << 20))
    inner = b""
    for depth in range(8):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for copy in range(4):
                archive.writestr(f"{copy}.zip" if depth else f"{copy}.ipynb", inner or bytes(4 << 20))
        inner = packed.getvalue()
    (folder / "nested.zip").write_bytes(inner)
