"""Run the attack corpus and write what came of it into docs/security.md.

    python benchmarks/escape_table.py                     # cold and warm, as whoever starts it
    python benchmarks/escape_table.py --user 54321        # root: cold and warm as root, then as that user
    python benchmarks/escape_table.py --start warm --json warm.json          # one of them, kept for later
    python benchmarks/escape_table.py --from cold.json warm.json             # the table of what was kept

As root with `--user`, the later runs are made by an ordinary user in a mount namespace where that one may read Python and this checkout.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.as_user import as_user  # noqa: E402 - the tests lie beside, not on the path
from tests.escapes.campaign import Campaign, Start, run_campaign  # noqa: E402
from tests.escapes.corpus import Attack, corpus  # noqa: E402

PAGE = ROOT / "docs" / "security.md"
BEGIN, END = "<!-- escapes: begin -->", "<!-- escapes: end -->"
Outcomes = dict[str, dict[str, str]]


def main() -> int:
    """Run what was asked for, print a line on each run, and write the table; return 1 when an attack was not contained."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--user", type=int, help="also as this ordinary user (needs root)")
    parser.add_argument("--start", choices=["both", "cold", "warm"], default="both", help="how runs start")
    parser.add_argument("--json", type=Path, help="write the outcomes here and leave the page alone")
    parser.add_argument("--from", dest="kept", type=Path, nargs="+", help="run nothing, and write the table of these outcomes")
    arguments = parser.parse_args()
    starts: list[Start] = ["cold", "warm"] if arguments.start == "both" else [arguments.start]
    runs: dict[str, Outcomes] = {}
    for file in arguments.kept or ():
        runs |= json.loads(file.read_text(encoding="utf-8"))
    if not arguments.kept:
        for start in starts:
            runs |= run_here(start)
        if arguments.user is not None:
            runs |= run_as(arguments.user, arguments.start)
    if arguments.json:
        arguments.json.write_text(json.dumps(runs), encoding="utf-8")
    else:
        write(table(runs))
    return 0 if all(one["contained"] == "yes" for run in runs.values() for one in run.values()) else 1


def run_here(start: Start) -> dict[str, Outcomes]:
    """Run the corpus and return, by attack, how it ended and whether it was contained (`yes`, or what went wrong)."""
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="zachet-campaign-"))
    folder.chmod(0o755)
    try:
        campaign = run_campaign(folder, start=start)
        found = {attack.student: outcome(campaign, attack) for attack in corpus()}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    name = f"{'root' if os.geteuid() == 0 else 'an ordinary user'}, {start}"
    print(f"{name}: {held(found)} of {len(found)} contained, {time.monotonic() - began:.0f} s", flush=True)
    for student, one in found.items():
        if one["contained"] != "yes":
            print(f"  {student}: {one['contained']}", flush=True)
    return {name: found}


def held(run: Outcomes) -> int:
    """Return how many attacks were contained."""
    return sum(one["contained"] == "yes" for one in run.values())


def outcome(campaign: Campaign, attack: Attack) -> dict[str, str]:
    """Return how one attack ended."""
    found = campaign.outcomes.get(attack.student)
    if found is None or found.done.score is None or found.evidence is None:
        return {"ended": "not graded", "contained": f"our side broke: {found.done.error if found else 'no hand-in'}"}
    score = found.done.score
    cells = json.loads(found.evidence.notebook)["cells"]
    records = json.loads((found.evidence.folder / "records.json").read_text(encoding="utf-8"))["records"]
    said = json.dumps([cell.get("outputs", []) for cell in cells]) + json.dumps(records)
    wrong = [
        ("it says that it escaped", "ESCAPED" in said),
        ("a secret came out", any(secret in said + found.page for secret in campaign.secrets.values())),
        ("more points than its honest part", score.earned > attack.points),
        (f"ended with {score.execution['exit_reason']}", str(score.execution["exit_reason"]) not in map(str, attack.exits)),
        ("the machine has changed", campaign.before != campaign.after or bool(campaign.survivors) or bool(campaign.contacts)),
        ("a neighbour has changed", dict(campaign.alone) != dict(campaign.beside)),
    ]
    return {"ended": str(score.execution["exit_reason"]), "contained": ", ".join(what for what, is_so in wrong if is_so) or "yes"}


def run_as(user: int, start: str) -> dict[str, Outcomes]:
    """Run the corpus as an ordinary user, who is given a way to Python and to this checkout, and nothing else."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        file = Path(name, "outcomes.json")
        file.touch()
        file.chmod(0o666)
        as_user(user, [__file__, "--start", start, "--json", str(file)])
        found: dict[str, Outcomes] = json.loads(file.read_text(encoding="utf-8"))
        return found


def table(runs: dict[str, Outcomes]) -> str:
    """Return the section: a sentence with the counts, and a line per attack."""
    attacks = corpus()
    counts = "; ".join(f"{name}: {held(run)} of {len(attacks)}" for name, run in runs.items())
    lines = [
        f"Contained, as root or an ordinary user, from a cold or a warm start — {counts}.",
        "",
        "| Family | Attack | It | What came of it | Ended | Points |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for attack in attacks:
        found = [(name, run[attack.student]) for name, run in runs.items()]
        broken = "; ".join(f"{name}: {one['contained']}" for name, one in found if one["contained"] != "yes")
        ended = " / ".join(f"`{ended}`" for ended in dict.fromkeys(one["ended"] for _, one in found))
        words = f"NOT CONTAINED ({broken})" if broken else attack.held
        row = (attack.family, attack.title, attack.tries.replace("|", "∣"), words.replace("|", "∣"), ended, f"{attack.points:g}")
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def write(section: str) -> None:
    """Put the section between the two marks of the page."""
    text = PAGE.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{PAGE} has no {BEGIN} and {END}")
    PAGE.write_text(f"{head}{BEGIN}\n{section}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
