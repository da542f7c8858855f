"""Runs one notebook where it can do no harm, and tells what came of it.

Theory of operation
-------------------
`execute` starts one child per job and speaks with it over two pipes in bounded frames (frames.py); transcript.py holds it to the
protocol. The child is a Python that runs `grader/inside/`, and it is the only process that ever sees student code.

Tier `full`: parent -> launcher.py -> bubblewrap -> first process inside -> runner. The launcher, if root, binds the folders of the job
where anybody can read them, gives up root for a uid of its own, sets limits, and becomes bubblewrap. Inside there is a system that
cannot be written, three sized folders in memory, no network, no other process, an empty environment, a filter on system calls
(seccomp.py), and no way to a new namespace; then the runner gives up paths by Landlock. Tier `none` is the runner as a plain process.

Tier `reduced`, where the kernel refuses user namespaces: parent -> confiner.py -> runner. The confiner drops root, sets limits, gives up
paths by Landlock, filters calls twice (no sockets at all, nothing shared with other processes), and stays to end what the run leaves.
Tier `container`: parent -> docker, podman or apptainer (container.py) -> runner; the engine is the wall.

Warm (warm.py): a process that has loaded the libraries stands in a sandbox of its own (zygote.py, inside/zygote.py) and forks for every
job. The launcher makes the sandbox of the job as above, with a process in it that only holds it open; the fork joins its namespaces at
once, and gives up by hand what bubblewrap would have taken from it (inside/entering.py). From the first frame on it is a run like any
other. A run whose end the warm start could have caused is made again, cold; that one counts, and both are recorded.

The child is given: the notebook, the probe, the data set, and after the last cell the hidden inputs. It is never given: labels, expected
values, checks, scores, the environment, a file of this machine beside those. What it says is data: sized, parsed strictly, never executed.

On a GPU (gpu.py) a run starts cold and sees one device, its driver and a part of /sys more; the address space is then not limited.

guard.py looks at the process tree from outside and ends it at a limit: resident memory, CPU seconds, wall seconds, bytes said. Resource
limits and, for root, a control group (cgroup.py) hold if a look comes too late. Killing bubblewrap ends the whole process namespace.

What student code did is a value (ExitReason); only what is ours is raised. Not defended: holes in the kernel, timing, what a run says
about itself (it is marked `reported`), and in the tier `none` anything at all. docs/security.md has the whole list.
"""

from grader.model import Isolation
from grader.sandbox import bubblewrap, container, reduced
from grader.sandbox.gpu import Gpu, GpuPool, choose_gpus, find_gpus
from grader.sandbox.job import Container, Job, Watch
from grader.sandbox.run import execute
from grader.sandbox.warm import WarmStart

__all__ = ["Container", "Gpu", "GpuPool", "Job", "WarmStart", "Watch", "available", "choose_gpus", "execute", "find_gpus"]


def available(isolation: Isolation, image: Container | None = None) -> None:
    """Try the tier out in some milliseconds; raises IsolationError, which names the remedy, when it cannot be had here.

    `image` is for the tier `container`, which takes seconds.
    """
    if isolation is Isolation.FULL:
        bubblewrap.find_bubblewrap()
        bubblewrap.try_out()
    elif isolation is Isolation.REDUCED:
        reduced.try_out()
    elif isolation is Isolation.CONTAINER:
        container.try_out(image)
