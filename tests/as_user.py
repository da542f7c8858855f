"""Root becomes an ordinary user, in a mount namespace where that one may read Python and the checkout, and nothing else of root's."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
USER = 54321

# $1 the user, $2 a space-separated list of folders it must reach, then the command. What lies below a folder that is closed to others
# is bound to the same path below an open one.
_SCRIPT = r"""
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


def as_user(user: int, arguments: Sequence[str], *, quiet: bool = False) -> subprocess.CompletedProcess[str]:
    """Run Python with `arguments` as `user`, an ordinary one, from the checkout; with `quiet` what it says is kept for the caller."""
    folders = " ".join(dict.fromkeys([sys.base_prefix, sys.prefix, str(CHECKOUT)]))
    shell = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _SCRIPT, "sh", str(user), folders]
    environment = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}
    return subprocess.run([*shell, sys.executable, *arguments], cwd=CHECKOUT, env=environment, capture_output=quiet, text=True, check=False)


def passes_as_user(arguments: Sequence[str]) -> None:
    """Run tests as an ordinary user and hold that they pass, none of them skipped; skip where root cannot become one."""
    if not all(map(shutil.which, ("unshare", "setpriv"))):
        pytest.skip("util-linux is not here")
    result = as_user(USER, ["-m", "pytest", *arguments, "-q", "-p", "no:cacheprovider"], quiet=True)
    if "unshare failed" in result.stderr:
        pytest.skip(result.stderr.strip())
    assert result.returncode == 0, result.stdout + result.stderr
    assert "skipped" not in result.stdout.splitlines()[-1]
