"""Which child each tier of isolation starts."""

from collections.abc import Mapping

from grader.model import Isolation
from grader.sandbox.child import Child
from grader.sandbox.container_child import ContainerChild
from grader.sandbox.job import Job
from grader.sandbox.reduced_child import ReducedChild

_CHILDREN: Mapping[Isolation, type[Child]] = {Isolation.REDUCED: ReducedChild, Isolation.CONTAINER: ContainerChild}


def start_child(job: Job) -> Child:
    """Start the child of `job`; raises IsolationError when there can be none."""
    return _CHILDREN.get(job.isolation, Child)(job)
