"""Many reference trainings at once, as batched tensor operations. The one part of the trusted side that computes with torch.

It runs the recipe that an assignment declares, never code of a student.
"""

from grader.training.engine import Outcome, Slope, Task, device_name, relu_slope, train_many

__all__ = ["Outcome", "Slope", "Task", "device_name", "relu_slope", "train_many"]
