"""The parts of taking in what was handed in: names, files, archives, notebooks; `grader/submission.py` puts them together."""
