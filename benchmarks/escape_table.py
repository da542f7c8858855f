"""Run the attack corpus and write what came of it into docs/security.md.

    python benchmarks/escape_table.py                     # as whoever starts it
    python benchmarks/escape_table.py --user 54321        # root: once as root and once as that user

As root with `--user`, the second run is made by an ordinary user in a mount namespace where that one may read Python and this checkout.
`--json FILE` writes the outcomes of one run instead.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.escapes.campaign import Campaign, run_campaign  # noqa: E402 - the tests lie beside, not on the path
from tests.escapes.corpus import Attack, corpus  # noqa: E402
from tests.test_sandbox_user import AS_USER  # noqa: E402

PAGE = ROOT / "docs" / "security.md"
BEGIN, END = "<!-- escapes: begin -->", "<!-- escapes: end -->"
Outcomes = dict[str, dict[str, str]]


def main() -> int:
    """Run, print a line on each run, and write the table; return 1 when an attack was not contained."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--user", type=int, help="also as this ordinary user (needs root)")
    parser.add_argument("--json", type=Path, help="write the outcomes here and leave the page alone")
    arguments = parser.parse_args()
    began = time.monotonic()
    runs = {"root" if os.geteuid() == 0 else "user": outcomes()}
    if arguments.user is not None:
        runs["user"] = outcomes_as(arguments.user)
    for name, run in runs.items():
        print(f"{name}: {sum(one['contained'] == 'yes' for one in run.values())} of {len(run)} contained")
        for student, one in run.items():
            if one["contained"] != "yes":
                print(f"  {student}: {one['contained']}")
    print(f"{time.monotonic() - began:.0f} s")
    if arguments.json:
        arguments.json.write_text(json.dumps(runs), encoding="utf-8")
    else:
        write(table(runs))
    return 0 if all(one["contained"] == "yes" for run in runs.values() for one in run.values()) else 1


def outcomes() -> Outcomes:
    """Run the corpus here and return, by attack, how it ended and whether it was contained (`yes`, or what went wrong)."""
    folder = Path(tempfile.mkdtemp(prefix="zachet-campaign-"))
    folder.chmod(0o755)
    try:
        campaign = run_campaign(folder)
        return {attack.student: outcome(campaign, attack) for attack in corpus()}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def outcome(campaign: Campaign, attack: Attack) -> dict[str, str]:
    """Return how one attack ended."""
    found = campaign.outcomes.get(attack.student)
    if found is None or found.done.score is None or found.evidence is None:
        return {"ended": "not graded", "earned": "", "start": "", "contained": f"our side broke: {found.done.error if found else 'no hand-in'}"}
    score = found.done.score
    cells = json.loads(found.evidence.notebook)["cells"]
    said = json.dumps([cell.get("outputs", []) for cell in cells]) + (found.evidence.folder / "records.json").read_text(encoding="utf-8")
    wrong = [
        ("it says that it escaped", "ESCAPED" in said),
        ("a secret came out", any(secret in said + found.page for name, secret in campaign.secrets.items() if name != "checks")),
        ("more points than its honest part", score.earned > attack.points),
        ("another end", str(score.execution["exit_reason"]) not in map(str, attack.exits)),
        ("the machine has changed", campaign.before != campaign.after or bool(campaign.survivors) or bool(campaign.contacts)),
        ("a neighbour has changed", dict(campaign.alone) != dict(campaign.beside)),
    ]
    return {
        "ended": str(score.execution["exit_reason"]),
        "earned": f"{score.earned:g} of {attack.points:g}",
        "start": str(score.execution["start"]),
        "contained": ", ".join(what for what, is_so in wrong if is_so) or "yes",
    }


def outcomes_as(user: int) -> Outcomes:
    """Run the corpus as an ordinary user, who is given a way to Python and to this checkout, and nothing else."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        file = folder / "outcomes.json"
        file.touch()
        file.chmod(0o666)
        places = " ".join(dict.fromkeys([sys.base_prefix, sys.prefix, str(ROOT)]))
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", AS_USER, "sh", str(user), places, sys.executable, __file__, "--json", str(file)]
        environment = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}
        subprocess.run(command, cwd=ROOT, env=environment, check=False)
        found: dict[str, Outcomes] = json.loads(file.read_text(encoding="utf-8"))
        return found["user"]


def table(runs: dict[str, Outcomes]) -> str:
    """Return the section: a sentence with the count, and a line per attack."""
    attacks = corpus()
    held = [sum(one["contained"] == "yes" for one in run.values()) for run in runs.values()]
    counts = " and ".join(f"{count} of {len(attacks)} as {'root' if name == 'root' else 'an ordinary user'}" for name, count in zip(runs, held, strict=True))
    starts = sorted({one["start"] for run in runs.values() for one in run.values() if one["start"]})
    lines = [f"Contained: {counts}; started {' and '.join(starts)}.", "", "| Family | Attack | It tries to | What came of it | Ended | Points |", "| --- | --- | --- | --- | --- | --- |"]
    for attack in attacks:
        found = [run[attack.student] for run in runs.values()]
        broken = [one["contained"] for one in found if one["contained"] != "yes"]
        ended = " / ".join(dict.fromkeys(one["ended"] for one in found))
        earned = " / ".join(dict.fromkeys(one["earned"] for one in found))
        held_words = f"NOT CONTAINED: {broken[0]}" if broken else attack.held
        lines.append(f"| {attack.family} | {attack.title} | {attack.tries.replace('|', '∣')} | {held_words.replace('|', '∣')} | `{ended}` | {earned} |")
    return "\n".join(lines)


def write(section: str) -> None:
    """Put the section between the two marks of the page."""
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    PAGE.write_text(f"{head}{BEGIN}\n{section}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
