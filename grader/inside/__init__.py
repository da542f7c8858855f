"""Everything of the product that shares a process with student code: the notebook runner, the trace and the probe's session.

`runner.py` is started by path and loads this folder as a private package of its own name, so nothing here imports the grader and
nothing of the grader can be imported from here. What leaves this process is plain data, and the parent believes none of it.
"""
