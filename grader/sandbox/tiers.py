"""Which child each tier of isolation starts."""

from grader.model import Isolation
from grader.sandbox.child import Child
from grader.sandbox.job import Job
from grader.sandbox.reduced_child import ReducedChild


def start_child(job: Job) -> Child:
    """Start the child of `job`; raises IsolationError when there can be none."""
    return ReducedChild(job) if job.isolation is Isolation.REDUCED else Child(job)
