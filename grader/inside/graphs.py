"""The graph that autograd builds: the operations that made a tensor, and the leaves where they begin."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import torch

MOST_NODES = 5000
_MOST_LEAVES = 64


def nodes_of(tensors: Iterable[torch.Tensor], most: int) -> Iterator[Any]:
    """Yield the operations of the tensors' graph, each once and the nearest first, at most so many."""
    waiting: deque[Any] = deque(tensor.grad_fn for tensor in tensors)
    seen: set[Any] = set()
    while waiting and len(seen) < most:
        node = waiting.popleft()
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            waiting.extend(following for following, _ in node.next_functions)


def leaves_of(tensor: torch.Tensor) -> list[torch.Tensor]:
    """Return the leaves of a tensor's graph, in the order in which a walk from its end finds them."""
    found = (getattr(node, "variable", None) for node in nodes_of([tensor], MOST_NODES))
    return list(islice((leaf for leaf in found if isinstance(leaf, torch.Tensor)), _MOST_LEAVES))


def numbers_of_nodes(tensor: torch.Tensor) -> set[int]:
    """Return the numbers of the operations of a tensor's graph; a number holds no graph."""
    return {node._sequence_nr() for node in nodes_of([tensor], MOST_NODES)}  # noqa: SLF001 - a node has no other name
