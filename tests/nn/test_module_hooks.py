"""Hooks of modules: of one, of all, their order, what they may return, and what survives a copy."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections import OrderedDict

import pytest

import rushlight


def chain(T):
    """Return a small network with the same weights in each library."""
    T.manual_seed(0)
    nn = T.nn
    return nn.Sequential(
        OrderedDict(a=nn.Linear(2, 3), b=nn.Sequential(nn.ReLU(), nn.Linear(3, 2)))
    )


def run(T, program):
    """Return what a program returns, logs and warns of, or its error."""
    log = []
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            outcome = program(T, log)
        except Exception as error:
            outcome = type(error).__name__, str(error)
    return str(outcome), str(log), [str(warning.message)[:80] for warning in seen]


def everywhere(T, log):
    M = T.nn.modules.module
    name = lambda m: type(m).__name__  # noqa: E731
    handles = [
        M.register_module_forward_pre_hook(lambda m, args: log.append(("before", name(m)))),
        M.register_module_forward_hook(
            lambda m, args, kwargs, y: log.append(("after", name(m), kwargs)), with_kwargs=True
        ),
        M.register_module_full_backward_hook(lambda m, gx, gy: log.append(("back", name(m)))),
        M.register_module_full_backward_pre_hook(lambda m, gy: log.append(("to", name(m)))),
        M.register_module_buffer_registration_hook(lambda m, key, b: log.append(key)),
        M.register_module_parameter_registration_hook(lambda m, key, p: log.append(key)),
        M.register_module_module_registration_hook(lambda m, key, child: log.append(key)),
    ]
    net = chain(T)
    net.register_buffer("z", T.ones(1))
    net(T.ones(1, 2, requires_grad=True)).sum().backward()
    for handle in handles:
        handle.remove()
    count = len(log)
    chain(T)(T.ones(1, 2)).sum().backward()
    return len(log) == count


def around_one(T, log):
    layer = T.nn.Linear(2, 2)
    layer.register_forward_pre_hook(lambda m, args: log.append("second"))
    layer.register_forward_pre_hook(lambda m, args: log.append("first"), prepend=True)
    layer.register_forward_pre_hook(lambda m, args, kw: ((args[0] * 2,), kw), with_kwargs=True)
    layer.register_forward_hook(lambda m, args, y: log.append("hook"))
    layer.register_forward_hook(lambda m, args, kw, y: y * 2, with_kwargs=True)
    layer.register_full_backward_hook(lambda m, gx, gy: log.append((gx[0].shape, gy[0].shape)))
    layer.register_full_backward_pre_hook(lambda m, gy: (gy[0] * 3,))
    x = T.ones(1, 2, requires_grad=True)
    layer(x).sum().backward()
    return layer.bias.grad.tolist()


def wrong_pre_hook(T, log):
    layer = T.nn.ReLU()
    layer.register_forward_pre_hook(lambda m, args, kw: 3, with_kwargs=True)
    layer(T.ones(1))


def always_called(T, log):
    class Failing(T.nn.Module):
        def forward(self, x):
            raise RuntimeError("boom")

    layer = Failing()
    layer.register_forward_hook(lambda m, args, y: log.append("no"))
    layer.register_forward_hook(lambda m, args, y: log.append(("yes", y)), always_call=True)
    layer.register_forward_hook(lambda m, args, y: 1 / 0, always_call=True)
    layer(T.ones(1))


def called_once_after_a_failing_hook(T, log):
    layer = T.nn.ReLU()
    layer.register_forward_hook(lambda m, args, y: log.append("ran"), always_call=True)
    layer.register_forward_hook(lambda m, args, y: 1 / 0)
    layer.register_forward_hook(lambda m, args, y: log.append("late"), always_call=True)
    layer(T.ones(1))


def two_gradients_for_one(T, log):
    layer = T.nn.Linear(2, 2)
    layer.register_full_backward_hook(lambda m, gx, gy: (gx[0], gx[0]))
    layer(T.ones(1, 2, requires_grad=True)).sum().backward()


def two_gradients_before(T, log):
    layer = T.nn.Linear(2, 2)
    layer.register_full_backward_pre_hook(lambda m, gy: (gy[0], gy[0]))
    layer(T.ones(1, 2, requires_grad=True)).sum().backward()


def inputs_without_gradient(T, log):
    layer = T.nn.Linear(2, 2)
    layer.register_full_backward_hook(lambda m, gx, gy: log.append((gx, len(gy))))
    layer(T.ones(1, 2)).sum().backward()


def dictionaries_are_not_watched(T, log):
    class Two(T.nn.Module):
        def forward(self, x):
            return {"a": x * 2}

    layer = Two()
    layer.register_full_backward_hook(lambda m, gx, gy: log.append("called"))
    layer(T.ones(1, requires_grad=True))["a"].sum().backward()


def hook_on_the_last_node(T, log):
    layer = T.nn.Linear(2, 2)
    layer.register_backward_hook(lambda m, gx, gy: log.append((len(gx), len(gy))))
    layer(T.ones(1, 2, requires_grad=True)).sum().backward()


def both_kinds(T, log):
    layer = T.nn.Linear(2, 2)
    layer.register_backward_hook(lambda m, gx, gy: None)
    layer.register_full_backward_hook(lambda m, gx, gy: None)


def of_the_state(T, log):
    net = chain(T)
    net.register_state_dict_pre_hook(lambda m, prefix, keep: log.append(("pre", prefix, keep)))
    net.a.register_state_dict_post_hook(lambda m, d, prefix, meta: log.append((prefix, meta)))
    net._register_state_dict_hook(lambda m, d, prefix, meta: OrderedDict(all=len(d)))
    return net.state_dict()


def post_hook_that_returns(T, log):
    net = chain(T)
    net.register_state_dict_post_hook(lambda m, d, prefix, meta: d)
    net.state_dict()


def of_loading(T, log):
    net, state = chain(T), chain(T).state_dict()
    state["extra"] = T.ones(1)
    del state["a.bias"]
    net.register_load_state_dict_pre_hook(lambda m, d, prefix, *rest: log.append(len(rest)))
    net.b._register_load_state_dict_pre_hook(lambda d, prefix, *rest: log.append(prefix))
    net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    return net.load_state_dict(state, strict=False)


def loading_hook_that_returns(T, log):
    net = chain(T)
    net.register_load_state_dict_post_hook(lambda m, keys: keys)
    net.load_state_dict(net.state_dict())


def everything_wrong_at_once(T, log):
    state = chain(T).state_dict()
    state["q.r"] = T.ones(1)
    del state["a.bias"]
    state["a.weight"] = T.ones(5, 5)
    state["b.1.bias"] = 3
    chain(T).load_state_dict(state)


def positions(T, log):
    return list(chain(T).state_dict(OrderedDict(), "p.", True))


def submodules(T, log):
    net = chain(T)
    for attempt in (
        lambda: net.set_submodule("c", T.nn.ReLU()),
        lambda: net.set_submodule("e", T.nn.ReLU(), strict=True),
        lambda: net.set_submodule("a.weight", T.nn.ReLU()),
        lambda: net.set_submodule("a", 3),
        lambda: net.get_submodule("b.9"),
        lambda: net.get_parameter("b.1"),
        lambda: net.get_buffer("a.weight"),
        lambda: setattr(net.a, "weight", T.ones(1)),
    ):
        try:
            log.append(attempt())
        except (AttributeError, ValueError, TypeError) as error:
            log.append((type(error).__name__, str(error)))
    return net


def containers(T, log):
    names = T.nn.ParameterDict({"a": T.ones(1), "b": 3})
    for attempt in (
        lambda: names.update(3),
        lambda: T.nn.ModuleDict().update([3]),
        lambda: T.nn.ModuleDict().update([(1, 2, 3)]),
    ):
        try:
            attempt()
        except (ValueError, TypeError) as error:
            log.append((type(error).__name__, str(error)))
    return names


PROGRAMS = [
    everywhere, around_one, wrong_pre_hook, always_called, called_once_after_a_failing_hook,
    two_gradients_for_one, two_gradients_before, inputs_without_gradient,
    dictionaries_are_not_watched, hook_on_the_last_node, both_kinds, of_the_state,
    post_hook_that_returns, of_loading, loading_hook_that_returns, everything_wrong_at_once,
    positions, submodules, containers,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_as_in_torch(torch, program):
    assert run(rushlight, program) == run(torch, program)


def test_global_hooks_that_fail_are_taken_away_again():
    register = rushlight.nn.modules.module.register_module_forward_pre_hook
    with register(lambda m, args: 1 / 0), pytest.raises(ZeroDivisionError):
        rushlight.nn.ReLU()(rushlight.ones(1))
    rushlight.nn.ReLU()(rushlight.ones(1))


def test_zeroed_gradients_stay_the_same_tensors():
    layer = rushlight.nn.Linear(2, 1)
    layer(rushlight.ones(1, 2)).sum().backward()
    gradient = layer.weight.grad
    layer.zero_grad(set_to_none=False)
    assert layer.weight.grad is gradient
    assert gradient.tolist() == [[0.0, 0.0]]
    optimizer = rushlight.optim.SGD(layer.parameters(), lr=0.1)
    optimizer.zero_grad(set_to_none=False)
    assert layer.weight.grad is gradient


def note_keys(module, state_dict, prefix, *rest):
    module.noted = sorted(state_dict)


def test_a_copy_has_hooks_of_its_own():
    layer = rushlight.nn.Linear(1, 1)
    layer.register_load_state_dict_pre_hook(note_keys)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        twin.load_state_dict(layer.state_dict())
        assert twin.noted == ["bias", "weight"]
    assert not hasattr(layer, "noted")
