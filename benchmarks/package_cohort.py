"""Seconds to write packages for a large cohort, from reading lab.py to the last file.

python benchmarks/package_cohort.py [--students 1000] [--assignment SLUG_OR_PATH] [--language ru]
"""

import argparse
import tempfile
import time
from pathlib import Path

from grader.assignment import Assignment, load_assignment
from grader.model import Language
from grader.package import package
from variants.manifest import Variant
from variants.roster import Student

LIMIT_S = 60.0
COHORT = 1000


def main() -> int:
    """Write the packages twice (all new, then all there) and print the seconds; 1 when a cohort of 1,000 takes over a minute."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=COHORT)
    parser.add_argument("--assignment", default="iu5_lab1")
    parser.add_argument("--language", choices=["ru", "en"], default="ru")
    options = parser.parse_args()
    start = time.perf_counter()
    assignment = load_assignment(options.assignment)
    print(f"load {assignment.slug}: {time.perf_counter() - start:.2f} s")
    students = [
        Student(id=f"iu5-{index:05d}", name=f"Студент Номер {index}", group=f"ИУ5-6{index % 9 + 1}Б", number=index % 35 + 1)
        for index in range(options.students)
    ]
    variants = [
        Variant(student=student, assignment=assignment.slug, rule="iu5-2024", classes=(index % 30, 30 + index % 30, 60 + index % 40))
        for index, student in enumerate(students)
    ]
    with tempfile.TemporaryDirectory() as folder:
        first = _seconds(assignment, variants, Path(folder), options.language)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 1e6
        again = _seconds(assignment, variants, Path(folder), options.language)
    print(f"{options.students} packages ({size:.1f} MB): {first:.2f} s written, {again:.2f} s when all are there")
    print(f"per package: {first / options.students * 1000:.2f} ms")
    return int(first / options.students * COHORT >= LIMIT_S)


def _seconds(assignment: Assignment, variants: list[Variant], out: Path, language: Language) -> float:
    start = time.perf_counter()
    package(assignment, variants, out, language)
    return time.perf_counter() - start


if __name__ == "__main__":
    raise SystemExit(main())
