"""The full tier for an ordinary user: root becomes one, in a mount namespace where that one may read Python and the checkout."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.model import Isolation
from tests.sandbox_jobs import need

pytestmark = pytest.mark.sandbox
CHECKOUT = Path(__file__).parent.parent
USER = 54321

# $1 the user, $2 a space-separated list of folders it must reach, then the command. What lies below a folder that is closed to others
# is bound to the same path below an open one.
AS_USER = r"""
set -e
user=$1 folders=$2; shift 2
mount -t tmpfs -o mode=755 stage /mnt
number=0
for folder in $folders; do number=$((number + 1)); mkdir /mnt/$number; mount --rbind "$folder" /mnt/$number; done
number=0
for folder in $folders; do
  number=$((number + 1)); top="/$(echo "$folder" | cut -d/ -f2)"
  if [ "$((0$(stat -c %a "$top") & 1))" = 0 ]; then mount -t tmpfs -o mode=755 open "$top"; fi
  if [ ! -d "$folder" ]; then mkdir -p "$folder"; mount --rbind /mnt/$number "$folder"; fi
done
exec setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs every other test of the sandbox already")
def test_an_ordinary_user_gets_the_full_tier_without_any_help_of_root() -> None:
    need(Isolation.FULL)
    if not all(map(shutil.which, ("unshare", "setpriv"))):
        pytest.skip("util-linux is not here")
    folders = " ".join(dict.fromkeys([sys.base_prefix, sys.prefix, str(CHECKOUT)]))
    picked = "completes or raised or measured or daemon or environment or private_home or written or shown or bomb"
    tests = ["tests/test_sandbox_run.py", "tests/test_sandbox_escapes.py", "-k", f"({picked}) and not none", "-q", "-p", "no:cacheprovider"]
    command = [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        AS_USER,
        "sh",
        str(USER),
        folders,
        sys.executable,
        "-m",
        "pytest",
    ]
    environment = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}
    result = subprocess.run([*command, *tests], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    if "unshare failed" in result.stderr:
        pytest.skip(result.stderr.strip())
    assert result.returncode == 0, result.stdout + result.stderr
    assert "skipped" not in result.stdout.splitlines()[-1]
