"""The native paths through the graph do what the Python functions that they shorten do."""

import contextlib
import gc
import sys
import threading
import warnings

import numpy as np
import pytest

import rushlight
from rushlight import kernels
from rushlight.autograd.graph import saved_tensors_hooks
from rushlight.autograd.node import Node, Op
from rushlight.autograd.version import INFERENCE_VERSION
from rushlight.kernels._native import calls

pytestmark = pytest.mark.skipif(calls is None, reason="there are no native paths")


@contextlib.contextmanager
def python_only():
    calls.use_native_calls(False)
    try:
        yield
    finally:
        calls.use_native_calls(True)


def tensor(*shape, grad=True):
    values = np.arange(1, 1 + int(np.prod(shape)), dtype=np.float32).reshape(shape) / 4
    return rushlight.tensor(values, requires_grad=grad)


def graph_of(y, seen=None):
    """Describe the graph behind a tensor: names, edges, what is saved and its versions."""
    seen = {} if seen is None else seen
    node = y.grad_fn if isinstance(y, rushlight.Tensor) else y
    if node is None or isinstance(node, rushlight.Tensor):
        return "leaf"
    if node in seen:
        return seen[node]
    seen[node] = len(seen)
    saved = [type(item).__name__ for item in node.saved or ()]
    edges = [edge and (graph_of(edge[0], seen), edge[1]) for edge in node.edges]
    return node.name(), saved, tuple(node.versions), edges


class Recorded(Op):
    """Writes down what it sees; saves an input, its output, a constant and a number."""

    seen: list = []

    def forward(ctx, x, y, *, factor=1.0):
        z = x * y * np.float32(factor)
        ctx.save(x, z, np.float32([3.0]), 5)
        self_edges = len(ctx.edges)
        type(ctx).seen.append((type(x).__name__, type(y).__name__, factor, self_edges))
        return z

    def backward(ctx, g):
        x, z, three, five = ctx.saved_tensors
        type(ctx).seen.append((x.requires_grad, z.grad_fn is ctx, three.tolist(), five))
        return g * x, g * z


class Pair(Op):
    def forward(ctx, x):
        ctx.save(x)
        return x + 1, x * 2

    def backward(ctx, a, b):
        return a + b * 2


class Fails(Op):
    def forward(ctx, x, *, error):
        raise error

    def backward(ctx, g):
        raise ValueError("never")


class FailsBackward(Op):
    def forward(ctx, x):
        return x + 1

    def backward(ctx, g):
        raise KeyError("in backward")


class Nested(Op):
    """An operator and a reverse pass inside `forward` and inside `backward`."""

    def forward(ctx, x):
        ctx.save(x)
        with rushlight.enable_grad():
            inner = rushlight.tensor(x, requires_grad=True)
            (inner * inner).sum().backward()
        return inner.grad.array * 1

    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        with rushlight.enable_grad():
            inner = x.detach().requires_grad_()
            (inner * 2).sum().backward()
        return g * inner.grad


class Marked(rushlight.Tensor):
    pass


def operators():
    x, y = tensor(2, 3), tensor(2, 3)
    Recorded.seen = []
    z = Recorded.apply(x, y, factor=2.0)
    z.sum().backward()
    return graph_of(z), Recorded.seen, x.grad.tolist(), y.grad.tolist()


def numbers_and_untracked():
    x = tensor(3, grad=False)
    Recorded.seen = []
    z = Recorded.apply(x, 2.0)
    return z.requires_grad, graph_of(z), Recorded.seen, z.tolist()


def scalars():
    x = tensor()
    y = x * x + 2
    y.backward()
    return graph_of(y), y.item(), x.grad.item(), type(y.array).__name__


def several_outputs():
    x = tensor(4)
    a, b = Pair.apply(x)
    first = graph_of(a), a.output_nr, b.output_nr, a.grad_fn is b.grad_fn
    b.sum().backward()
    return first, x.grad.tolist()


def views():
    x = tensor(4, 4) * 1
    v = x.view(2, 8)[0]
    w = v.transpose(0, 0)
    before = graph_of(w), w._view.made_in, w._view.base is x, w._version
    v.mul_(2)
    after = graph_of(w), graph_of(x), w._version, x._version
    with rushlight.no_grad():
        unrecorded = x.view(16)[1:]
    return before, after, unrecorded._view.made_in, unrecorded._view.args, (w * x[0, 0]).tolist()


def written_to():
    x = tensor(3)
    y = x.exp()
    y.detach().add_(1)
    with pytest.raises(RuntimeError) as raised:
        y.sum().backward()
    z = x * 1
    product = z * z
    z.add_(1)
    with pytest.raises(RuntimeError) as other:
        product.sum().backward()
    return str(raised.value), str(other.value), product.grad_fn.versions


def freed():
    x = tensor(3)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError) as raised:
        y.backward()
    return str(raised.value), x.grad.tolist()


def inference():
    x = tensor(3)
    with rushlight.inference_mode():
        y = x * 2
        v = y.view(3, 1)
    with pytest.raises(RuntimeError) as raised:
        x * y
    return y._counter is INFERENCE_VERSION, v.is_inference(), y.requires_grad, str(raised.value)


def errors():
    told = []
    for error in (ValueError("own words"), KeyError("key"), ZeroDivisionError()):
        with pytest.raises(type(error)) as raised:
            Fails.apply(tensor(1), error=error)
        told.append((repr(raised.value), raised.value is error, raised.value.__suppress_context__))
    with pytest.raises(RuntimeError) as raised:
        tensor(2, 3) + tensor(4)
    told.append((str(raised.value), type(raised.value.__context__).__name__))
    told.append(raised.value.__suppress_context__)
    for call in (lambda: Recorded.apply(), lambda: Recorded.apply(tensor(1), tensor(1), other=1)):
        with pytest.raises(TypeError) as raised:
            call()
        told.append(str(raised.value))
    y = FailsBackward.apply(tensor(2)).sum()
    with pytest.raises(KeyError, match="in backward"):
        y.backward()
    return told


def float_errors_are_seen_outside():
    x = rushlight.tensor([1.0]) / 0
    with pytest.raises(ValueError, match="words"):
        Fails.apply(x, error=ValueError("words"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        np.float32([1.0]) / np.float32([0.0])
    return x.tolist(), [str(w.message) for w in caught]


def hooks():
    order = []
    x, y = tensor(2), tensor(2)
    h = x * y
    h.retain_grad()
    h.register_hook(lambda g: order.append(("tensor", g.tolist())))
    h.grad_fn.register_prehook(lambda g: order.append(("before node", len(g))))
    h.grad_fn.register_hook(lambda i, o: order.append(("node", len(i), len(o))))
    x.register_hook(lambda g: g * 10)
    for name, leaf in (("x", x), ("y", y)):
        leaf.register_post_accumulate_grad_hook(
            lambda t, name=name: order.append((name, t.grad.tolist()))
        )
    (h + h.exp() + x).sum().backward()
    return order, h.grad.tolist(), x.grad.tolist(), y.grad.tolist()


def order_of_nodes():
    order = []

    def seen(name, t):
        t.grad_fn.register_hook(lambda *_: order.append(name))
        return t

    x = tensor(3)
    a = seen("a", x * 2)
    b = seen("b", a.exp())
    c = seen("c", a + b)
    d = seen("d", x * c)
    seen("e", (d * b).sum()).backward()
    return order, x.grad.tolist()


def leaves_and_ownership():
    x, y = tensor(3), tensor(3)
    seed = rushlight.ones(3)
    (x + y).backward(seed)
    own = x.grad is not y.grad, x.grad.array is not y.grad.array, x.grad.array is not seed.array
    (x + y).backward(seed)
    twice = x.grad.tolist(), x.grad._version
    x.backward(seed)
    rushlight.autograd.backward([x, y * 2], [seed, seed])
    return own, twice, x.grad.tolist(), y.grad.tolist()


def higher_order():
    x = tensor(3)
    (g,) = rushlight.autograd.grad((x * x * x).sum(), x, create_graph=True)
    (g * g).sum().backward()
    return graph_of(g), x.grad.tolist()


def within_each_other():
    x = tensor(3)
    y = Nested.apply(x)
    y.sum().backward()
    return y.tolist(), x.grad.tolist()


def saved_hooks():
    packed = []

    def pack(t):
        packed.append(t.tolist())
        return t

    x = tensor(2)
    with saved_tensors_hooks(pack, lambda t: t):
        y = x.exp() * x
    y.sum().backward()
    return packed, x.grad.tolist()


def subclasses():
    x = tensor(3).as_subclass(Marked)
    p = rushlight.nn.Parameter(tensor(3))
    y = x * p
    y.sum().backward()
    return type(y).__name__, graph_of(y), p.grad.tolist(), type(p.grad).__name__


def many_inputs():
    xs = [tensor(2) for _ in range(40)]
    rushlight.cat(xs).sum().backward()
    return [x.grad.tolist() for x in xs]


def interceptors():
    with rushlight.autograd.detect_anomaly(check_nan=True):
        y = FailsBackward.apply(tensor(2))
        with pytest.warns(Warning, match="in FailsBackwardBackward0"), pytest.raises(KeyError):
            y.sum().backward()
    return "traceback_" in y.grad_fn.metadata


CASES = [
    operators, numbers_and_untracked, scalars, several_outputs, views, written_to, freed, inference,
    errors, float_errors_are_seen_outside, hooks, order_of_nodes, leaves_and_ownership,
    higher_order, within_each_other, saved_hooks, subclasses, many_inputs, interceptors,
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
@pytest.mark.filterwarnings("ignore:Anomaly Detection")
def test_the_same_as_in_python(case):
    native = case()
    with python_only():
        assert native == case()


@pytest.mark.parametrize("reference", [False, True], ids=["fast", "reference"])
def test_no_operator_warns_of_infinities(reference):
    x, y = rushlight.tensor([[1.0, -1.0, 0.0], [np.inf, np.nan, 3e38]]), rushlight.zeros(3)
    pairs = [(x, x), (x, y), (x.T, y[:2]), (x, 0.0), (x.double(), y), (x.half(), 0), (x * 1e38, x)]
    with warnings.catch_warnings(), kernels.reference_only(reference):
        warnings.simplefilter("error")
        for a, b in pairs:
            for operation in (rushlight.add, rushlight.sub, rushlight.mul, rushlight.div):
                operation(a, b)
            rushlight.relu(a)
            rushlight.nn.functional.gelu(a)
            rushlight.relu(a.clone().requires_grad_()).sum().backward()


def test_sequence_numbers_are_one_series():
    x = tensor(2)
    first = (x * 2).grad_fn.sequence
    with python_only():
        second = (x * 2).grad_fn.sequence
    assert (second, (x * 2).grad_fn.sequence) == (first + 1, first + 2)


def test_replacing_apply_still_sees_every_operator(monkeypatch):
    seen = []

    def apply(cls, *inputs, **params):
        seen.append(cls.__name__)
        return calls.apply(cls, *inputs, **params)

    monkeypatch.setattr(Op, "apply", classmethod(apply))
    rushlight.relu(tensor(2))
    assert seen == ["ReLU"]


def test_an_operator_that_frees_its_own_inputs():
    class Forgetful(Op):
        def forward(ctx, x):
            held.array = np.zeros(0, np.float32)
            gc.collect()
            return x + 1

    held = tensor(1000, grad=False)
    assert Forgetful.apply(held).sum().item() == pytest.approx(126125.0)


def test_threads_finish_the_same_leaf():
    x = tensor(64)
    losses = [(x * k).sum() for k in range(1, 41)]

    def work(mine):
        for loss in mine:
            loss.backward()

    threads = [threading.Thread(target=work, args=(losses[i::4],)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert x.grad.tolist() == [sum(range(1, 41))] * 64


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="counts of None and such stand still")
def test_no_reference_to_a_singleton_is_lost():
    watched = [None, True, False, Node, rushlight.Tensor, INFERENCE_VERSION]

    def counts():
        gc.collect()
        return np.array([sys.getrefcount(o) for o in watched])

    for case in CASES[:-1]:
        case()
    before = counts()
    for case in CASES[:-1]:
        for _ in range(10):
            case()
    assert np.abs(counts() - before).max() < 60


def train():
    x, w, b = tensor(4, 4), tensor(4, 4), tensor(4)
    y = rushlight.nn.functional.linear(x, w, b)
    (y.view(2, 8)[0].relu() * 2 + 1).sum().backward()
    with contextlib.suppress(RuntimeError):
        tensor(3) + tensor(4)


# Without what shows a dtype's name: NumPy's own strings for that come to rest only after a while.
@pytest.mark.parametrize(
    "work",
    [*[c for c in CASES if c not in (written_to, interceptors)], train],
    ids=lambda case: case.__name__,
)
def test_nothing_is_left_behind(work):
    # Free lists fill up now and then; a leak shows in every round.
    repeats, rounds = 20, 3
    left = []
    for _ in range(rounds):
        for _ in range(repeats):
            work()
        gc.collect()
        left.append((len(gc.get_objects()), sys.getallocatedblocks()))
    assert np.diff(left, axis=0).min(axis=0).max() < repeats // 2
