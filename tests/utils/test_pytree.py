"""Trees of containers: flattened, rebuilt, mapped over; classes of one's own."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque, namedtuple

import pytest

from rushlight.utils import pytree

Point = namedtuple("Point", "x y")
TREES = [
    1,
    None,
    [],
    [1, (2, 3)],
    {"b": 1, "a": [2, None]},
    OrderedDict(b=(1,), a=2),
    defaultdict(list, {"k": [1, 2]}),
    deque([1, 2], maxlen=4),
    Point(1, [2, Point(3, 4)]),
]


@pytest.mark.parametrize("tree", TREES, ids=repr)
def test_there_and_back(tree):
    leaves, spec = pytree.tree_flatten(tree)
    made = pytree.tree_unflatten(leaves, spec)
    assert made == tree
    assert type(made) is type(tree)
    assert spec == pytree.tree_structure(tree)
    assert spec.num_leaves == len(leaves)


@pytest.mark.parametrize("tree", TREES, ids=repr)
def test_leaves_are_torchs(torch, tree):
    theirs = torch.utils._pytree
    assert pytree.tree_leaves(tree) == theirs.tree_leaves(tree)
    assert pytree.tree_map(str, tree) == theirs.tree_map(str, tree)


def test_what_a_leaf_is_can_be_said():
    is_leaf = lambda tree: isinstance(tree, tuple)  # noqa: E731
    assert pytree.tree_leaves([(1, 2), 3], is_leaf) == [(1, 2), 3]
    assert pytree.tree_map(len, [(1, 2), (3,)], is_leaf=is_leaf) == [2, 1]


def test_several_trees_and_questions():
    assert pytree.tree_map(lambda a, b: a + b, [1, (2,)], [10, (20,)]) == [11, (22,)]
    with pytest.raises(ValueError, match="mismatch"):
        pytree.tree_map(lambda a, b: a, [1, 2], [1, (2,)])
    assert pytree.tree_map_only(int, lambda x: -x, [1, "a"]) == [-1, "a"]
    assert pytree.tree_all(bool, [1, (2,)])
    assert not pytree.tree_any(bool, [0, ()])
    seen = []
    tree = [1, 2]
    assert pytree.tree_map_(seen.append, tree) is tree
    assert seen == [1, 2]


def test_wrong_number_of_leaves():
    with pytest.raises(ValueError, match="has length 1 but the spec refers to a pytree that holds"):
        pytree.tree_unflatten([1], pytree.tree_structure([1, 2]))


def test_a_class_of_ones_own(monkeypatch):
    class Pair:
        def __init__(self, a, b):
            self.a, self.b = a, b

    monkeypatch.setattr(pytree, "_kinds", dict(pytree._kinds))
    pytree.register_pytree_node(Pair, lambda p: ([p.a, p.b], None), lambda c, _: Pair(*c))
    made = pytree.tree_map(lambda x: x + 1, [Pair(1, 2)])[0]
    assert (made.a, made.b) == (2, 3)
    with pytest.raises(ValueError, match="already registered"):
        pytree.register_pytree_node(Pair, lambda p: ([], None), lambda c, _: None)
