"""Who gets what: roster + rule -> variants. A house of its own: it imports nothing of the grader and no torch."""
