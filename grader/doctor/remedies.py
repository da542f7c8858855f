"""What to do about a promise that is not held, by kind of machine; the general advice where the kind has none of its own."""

from collections.abc import Mapping, Sequence

from grader.doctor.place import Machine
from grader.doctor.promise import State

_ELSEWHERE = (
    "There is no isolation on this system. Grade on a Linux machine, a virtual machine or WSL 2; "
    "`zachet check` works here for one's own notebook."
)
_UNCONFINED = (
    "Start the container with --security-opt seccomp=unconfined --security-opt systempaths=unconfined (docker, podman), "
    "or grade with --isolation reduced, where the container is the outer wall."
)
_SYSCTL = "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
_APPARMOR = (
    f"{_SYSCTL} (and the same line without `sudo sysctl -w` in /etc/sysctl.d/ to keep it), or load an AppArmor profile that lets "
    "/usr/bin/bwrap use `userns`; else --isolation reduced."
)
_NAMESPACES: Mapping[Machine | None, str] = {
    Machine.CI_CONTAINER: _UNCONFINED,
    Machine.CONTAINER: _UNCONFINED,
    Machine.APPARMOR: _APPARMOR,
    Machine.GPU_NODE: "Ask the administrators for user namespaces (sysctl user.max_user_namespaces), or grade with --isolation container.",
    Machine.ROOT: "sysctl -w user.max_user_namespaces=10000 (and kernel.unprivileged_userns_clone=1 on older Debian).",
    None: "sudo sysctl -w user.max_user_namespaces=10000 (and kernel.unprivileged_userns_clone=1 on older Debian).",
}
_FULL = "Mend what is not held above; until then --isolation reduced or container, each named in every report."
_HOLE = "This is a hole: do not grade other people's work here. Report it with the output of `zachet doctor --json`."
_LIMIT = "Do not grade other people's work here before this is understood; report it with the output of `zachet doctor --json`."

_OF: Mapping[str, Mapping[Machine | None, str]] = {
    "bubblewrap": {
        None: "sudo apt install bubblewrap (Debian 12, Ubuntu 24.04 or newer have 0.8; dnf install bubblewrap elsewhere).",
        Machine.ROOT: "apt install bubblewrap (Debian 12, Ubuntu 24.04 or newer have 0.8; dnf install bubblewrap elsewhere).",
        Machine.CI_CONTAINER: "Add `apt-get install -y bubblewrap` to the job or to its image.",
        Machine.GPU_NODE: "Ask the administrators for bubblewrap 0.8, or grade with --isolation container.",
    },
    "namespaces": _NAMESPACES,
    "full": {None: _FULL},
    "reduced": {None: "Needed only where the full tier cannot be had: Linux 5.13 or newer with “landlock” in its list lsm=."},
    "landlock": {None: "Add landlock to lsm= on the kernel's command line (Linux 5.13 or newer). The full tier holds without it."},
    "cgroup": {
        None: "Nothing has to be done: limits are kept by looks at the process tree and by resource limits. Root gets groups as well.",
        Machine.CI_CONTAINER: "Nothing has to be done. For groups too, start the container with --cgroupns private and a writable /sys/fs/cgroup.",
        Machine.GPU_NODE: "Nothing has to be done. Under Slurm, srun --mem and --cpus-per-task give every job a group.",
    },
    "engine": {
        None: "Needed only for --isolation container: start docker or podman, or install apptainer.",
        Machine.GPU_NODE: "Where namespaces are refused, for work on the GPU: apptainer (`module load apptainer` on many clusters), podman or docker, and --isolation container.",
    },
    "torch": {None: "python -m pip install torch torchvision, both from the same index."},
    "torchvision": {
        None: "Install torch and torchvision from one index: a CPU-only torch needs the CPU-only torchvision, "
        "pip install --index-url https://download.pytorch.org/whl/cpu torch torchvision."
    },
    "gpu": {
        None: "Nothing has to be done for work on the CPU. For a GPU: a driver with /dev/nvidiactl and /dev/nvidia-uvm, a CUDA build of torch, and --device cuda.",
    },
    "data": {
        None: "`zachet data fetch cifar100`, or name the folder of the files in ZACHET_DATA; synthetic images stand in until then.",
    },
    "cache": {None: "Set ZACHET_CACHE to a folder that you may write to, with a gigabyte to spare."},
    "temporary": {None: "Set TMPDIR to a folder that you may write to, with a gigabyte to spare."},
}


def remedy(promise: str, group: str, state: State, machines: Sequence[Machine]) -> str:
    """Return what to do about `promise`, or nothing when it is held."""
    if state is State.HELD:
        return ""
    if promise in _OF and not (promise in {"bubblewrap", "namespaces", "full"} and _without_isolation(machines)):
        known = _OF[promise]
        return next((known[machine] for machine in machines if machine in known), known[None])
    if _without_isolation(machines):
        return _ELSEWHERE
    if state is State.UNTRIED:
        return "Tried in a sandbox, and none can be started yet."
    return _HOLE if group == "walls" else _LIMIT


def _without_isolation(machines: Sequence[Machine]) -> bool:
    return bool({Machine.WINDOWS, Machine.MACOS, Machine.COLAB} & set(machines))
