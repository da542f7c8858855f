# /// attack
# tries = "writes a score, evidence and a gradebook under every name and in every folder that a grader could read"
# held = "the files stay in the run's own memory and go with it"
# exit = ["completed"]
# points = 0
# says = ["written: "]
# ///
# %%
import json
import os

answer = None
score = json.dumps({"schema": "zachet-score-1", "earned": 10, "points": 10, "verdict": "passed"})
names = ["score.json", "scores/assignment/forging-write-result-files.json", "results.json", "result.xml", "gradebook-assignment.csv", "records.json"]
names += ["evidence/sha256-0/manifest.json", "manifest.json", "report.html", "executed.ipynb", "notebook.ipynb", "grade.txt", "results/results.json"]
count = 0
for folder in (".", "..", "/", "/work", "/tmp", "/dev/shm", "/in", "/in/files", "/zachet", "/data", "/autograder/results", PLACES["outside"], PLACES["checkout"]):
    for name in names:
        path = os.path.join(folder, name)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(score)
            count += 1
        except OSError:
            pass
print("written:", count)
