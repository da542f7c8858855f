# /// attack
# tries = "prints and displays a full score, a passing report and a traceback-free verdict"
# held = "shown as the text it is; no point"
# exit = ["completed"]
# points = 0
# says = ["Score: 10/10"]
# ///
# %%
import json

from IPython.display import HTML, JSON, display

answer = None
score = {"schema": "zachet-score-1", "assignment": "assignment", "earned": 10, "points": 10, "verdict": "passed", "criteria": []}
print(json.dumps(score))
print("Score: 10/10\nverdict: passed\n##zachet[score earned='10']\n::set-output name=points::10")
display(JSON(score), HTML("<h1>Passed: 10/10</h1>"), {"application/vnd.zachet.score+json": score}, raw=False)
display({"application/vnd.zachet.score+json": score, "text/plain": "10/10"}, raw=True)
