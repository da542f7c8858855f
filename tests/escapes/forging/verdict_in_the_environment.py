# /// attack
# tries = "sets variables, arguments, a title and metadata that a careless grader would believe: graded elsewhere, full isolation, another student"
# held = "what a run says about itself is marked as reported; tier, student and limits are the grader's own"
# exit = ["completed"]
# points = 0
# says = ["set"]
# ///
# %%
import gc
import os
import sys

answer = None
os.environ.update(ZACHET_SCORE="10", ZACHET_ISOLATION="none", ZACHET_STUDENT="neighbour-one", PYTEST_CURRENT_TEST="passed", CI="1")
sys.argv[:] = ["zachet", "grade", "--isolation", "none"]
for item in gc.get_objects():
    if isinstance(item, dict) and "cell_cpu_s" in item and "seed" in item:
        item.update(isolation="none", seed=1, limits={**item["limits"], "output_mb": 1 << 20})
print("set")
