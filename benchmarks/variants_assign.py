"""Time `variants assign` for a large roster: each step in this process, and the whole command beyond interpreter start.

python benchmarks/variants_assign.py [STUDENTS]     (100,000 unless told otherwise; the target is under 2 s)
"""

import os
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from variants.manifest import assign, read_manifest, write_manifest
from variants.roster import read_roster
from variants.rules import load_rule

SECRET = b"a secret of the benchmark only"
RUNS = 3
COMMAND = "from grader.cli.variants import variants; variants()"


def make_roster(path: Path, students: int) -> None:
    """Write a roster as a Russian Excel exports it: Windows-1251, semicolons, groups of 30, three streams."""
    streams = ("ИУ5", "ГУИМЦ", "Иностранцы")
    lines = ["Зачётка;ФИО;Группа;Номер по списку;Поток;Почта"]
    lines += [
        f"20У{index:06};Константинопольский Александр Владимирович;"
        f"ИУ5-{21 + index // 30 % 5}М;{index % 30 + 1};{streams[index % 3]};s{index}@example.org"
        for index in range(students)
    ]
    path.write_text("\r\n".join(lines), encoding="cp1251")


def measure_steps(folder: Path, roster: Path, rule_name: str) -> None:
    """Print the seconds of reading, assigning and writing in this process."""
    times = [time.perf_counter()]
    students = read_roster(roster)
    times.append(time.perf_counter())
    variants = assign(students, load_rule(rule_name), assignment="iu5_lab1", secret=SECRET, resolve="next-free")
    times.append(time.perf_counter())
    write_manifest(folder / "variants.csv", variants)
    times.append(time.perf_counter())
    read_manifest(folder / "variants.csv")
    times.append(time.perf_counter())
    read, given, written, reread = (after - before for before, after in pairwise(times))
    print(
        f"{rule_name}: read {read:.2f} s, assign {given:.2f} s, write {written:.2f} s, together {read + given + written:.2f} s; "
        f"read the manifest {reread:.2f} s"
    )


def measure_command(folder: Path, roster: Path, rule_name: str) -> None:
    """Print the seconds of the command as a process of its own, and of an interpreter that does nothing."""
    secret = folder / "secret"
    secret.write_bytes(SECRET)
    options = ["--rule", rule_name, "--assignment", "iu5_lab1", "--secret-file", str(secret), "--resolve", "next-free"]
    assign_command = [sys.executable, "-c", COMMAND, "assign", str(roster), "-o", str(folder / "command.csv"), *options]
    bare = min(elapsed([sys.executable, "-c", "pass"]) for _ in range(RUNS))
    whole = min(elapsed(assign_command) for _ in range(RUNS))
    print(
        f"{rule_name}: the command, best of {RUNS}, beyond a bare interpreter: {whole[0] - bare[0]:.2f} s wall, {whole[1] - bare[1]:.2f} s CPU"
    )


def elapsed(command: list[str]) -> tuple[float, float]:
    """Return wall and CPU seconds of a process that must end well; the CPU seconds stand even on a busy machine."""
    before, start = os.times(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=Path(__file__).parent.parent)
    wall, after = time.perf_counter() - start, os.times()
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    """Measure a formula rule and the keyed rule."""
    students = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        roster = folder / "roster.csv"
        make_roster(roster, students)
        print(f"{students:,} students, roster of {roster.stat().st_size / 1e6:.1f} MB")
        for rule_name in ("iu5-2024", "random-3"):
            measure_steps(folder, roster, rule_name)
            measure_command(folder, roster, rule_name)


if __name__ == "__main__":
    main()
