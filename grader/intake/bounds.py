"""How much of what was handed in is ever looked at."""

from dataclasses import dataclass

_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Sizes in bytes, the rest are counts. Nothing beyond a bound is read, whatever its header declares."""

    notebook_bytes: int = 64 * _MIB
    script_bytes: int = 1 * _MIB
    script_cells: int = 2_000
    script_fences: int = 2_000_000
    candidates: int = 20
    candidates_bytes: int = 192 * _MIB
    side_files: int = 200
    side_bytes: int = 64 * _MIB
    weights_bytes: int = 256 * _MIB
    all_weights_bytes: int = 512 * _MIB
    entries: int = 20_000
    cohort_entries: int = 100_000
    depth: int = 16
    archive_bytes: int = 256 * _MIB
    cohort_archive_bytes: int = 2_048 * _MIB - 1
    directory_bytes: int = 16 * _MIB
    ratio: int = 250
    ratio_floor: int = 8 * _MIB
    cells: int = 5_000
    code_bytes: int = 1 * _MIB
    text_bytes: int = 32 * _MIB
    containers: int = 1_000_000
    values: int = 8_000_000
    identity_bytes: int = 64 << 10


def size(count: int) -> str:
    """Return a number of bytes as people write it, for example `64 MiB`."""
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= scale:
            return f"{count / scale:.1f}".removesuffix(".0") + f" {unit}"
    return f"{count} B"
