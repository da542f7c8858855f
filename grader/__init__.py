"""Zachet: assigns, runs, checks and reports deep-learning labs in PyTorch."""

__version__ = "0.1.0"
