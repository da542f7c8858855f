"""Thresholds: what the reference reaches on every variant, and the decision that follows. Pure; no torch."""

from grader.thresholds.chances import Chance, Comparison, NoLine, VariantChances, below, compare_rules, comparison_json, counts, outlook
from grader.thresholds.decision import Decision, Judgement, Lines, Reference, decide, judge, lines, share_of_points
from grader.thresholds.statistics import Interval, Paired, Spread, compare_paired, moderated_spread, pooled_spread, wilson
from grader.thresholds.store import digest_of, merge, read_thresholds, same_making, thresholds_json, write_thresholds
from grader.thresholds.table import Calibrated, Engine, NotUsable, Thresholds, key_of, recipe_digest, require_fresh, sort_out

__all__ = [
    "Calibrated",
    "Chance",
    "Comparison",
    "Decision",
    "Engine",
    "Interval",
    "Judgement",
    "Lines",
    "NoLine",
    "NotUsable",
    "Paired",
    "Reference",
    "Spread",
    "Thresholds",
    "VariantChances",
    "below",
    "compare_paired",
    "compare_rules",
    "comparison_json",
    "counts",
    "decide",
    "digest_of",
    "judge",
    "key_of",
    "lines",
    "merge",
    "moderated_spread",
    "outlook",
    "pooled_spread",
    "read_thresholds",
    "recipe_digest",
    "require_fresh",
    "same_making",
    "share_of_points",
    "sort_out",
    "thresholds_json",
    "wilson",
    "write_thresholds",
]
