"""Recording on and off: no_grad, enable_grad, inference_mode, set_grad_enabled."""

from __future__ import annotations

import threading

import pytest


@pytest.fixture
def x(T):
    return T.ones(2, requires_grad=True)


def test_contexts_switch_and_restore(T, x):
    with T.no_grad():
        assert not T.is_grad_enabled()
        assert not (x * 2).requires_grad
        with T.enable_grad():
            assert (x * 2).requires_grad
        assert not T.is_grad_enabled()
    assert T.is_grad_enabled()
    assert (x * 2).requires_grad


def test_restored_after_an_error(T):
    with pytest.raises(ZeroDivisionError), T.no_grad():
        1 / 0
    assert T.is_grad_enabled()


def test_one_context_object_can_be_entered_again(T):
    context = T.no_grad()
    for _ in range(2):
        with context:
            assert not T.is_grad_enabled()
        assert T.is_grad_enabled()


@pytest.mark.parametrize("called", [True, False], ids=["no_grad()", "no_grad"])
def test_decorators(T, x, called):
    decorate = T.no_grad() if called else T.no_grad

    @decorate
    def double(t, factor=2):
        """Multiply."""
        return t * factor

    assert not double(x, factor=3).requires_grad
    assert double.__name__ == "double"
    assert double.__doc__ == "Multiply."
    assert T.is_grad_enabled()


def test_enable_grad_as_decorator(T, x):
    @T.enable_grad()
    def double(t):
        return t * 2

    with T.no_grad():
        assert double(x).requires_grad


def test_decorated_recursion(T):
    @T.no_grad()
    def count(n):
        assert not T.is_grad_enabled()
        return 0 if n == 0 else 1 + count(n - 1)

    assert count(5) == 5
    assert T.is_grad_enabled()


def test_decorated_methods(T, x):
    class Model:
        @T.no_grad()
        def predict(self, t):
            return t * 2

    assert not Model().predict(x).requires_grad


def test_a_generator_runs_in_the_mode_and_its_consumer_does_not(T):
    inside = []

    @T.no_grad()
    def numbers():
        inside.append(T.is_grad_enabled())
        sent = yield 1
        inside.append((sent, T.is_grad_enabled()))
        try:
            yield 2
        except KeyError:
            inside.append(("thrown", T.is_grad_enabled()))
            yield 3
        return "end"

    generator = numbers()
    assert next(generator) == 1
    assert T.is_grad_enabled()
    assert generator.send("hello") == 2
    assert T.is_grad_enabled()
    assert generator.throw(KeyError()) == 3
    with pytest.raises(StopIteration, match="end"):
        next(generator)
    assert inside == [False, ("hello", False), ("thrown", False)]


def test_a_generator_closes_in_its_mode(T):
    seen = []

    @T.no_grad()
    def numbers():
        try:
            yield 1
        finally:
            seen.append(T.is_grad_enabled())

    generator = numbers()
    next(generator)
    generator.close()
    assert seen == [False]


def test_set_grad_enabled_as_a_call(T, x):
    try:
        T.set_grad_enabled(False)
        assert not (x * 2).requires_grad
    finally:
        T.set_grad_enabled(True)
    assert (x * 2).requires_grad


@pytest.mark.parametrize("wanted", [True, False])
def test_set_grad_enabled_as_a_context(T, x, wanted):
    with T.set_grad_enabled(wanted):
        assert (x * 2).requires_grad is wanted
        with T.set_grad_enabled(not wanted):
            assert (x * 2).requires_grad is not wanted
        assert (x * 2).requires_grad is wanted
    assert T.is_grad_enabled()


def test_set_grad_enabled_as_a_decorator(T, x):
    @T.set_grad_enabled(False)
    def double(t):
        return t * 2

    assert T.is_grad_enabled()
    assert not double(x).requires_grad


def test_no_grad_results_are_ordinary_leaves(T, x):
    with T.no_grad():
        y = x * 2
    assert y.is_leaf
    assert y.grad_fn is None
    y.requires_grad_()
    (y * 3).sum().backward()
    assert y.grad.tolist() == [3.0, 3.0]


def test_leaves_can_be_made_inside(T):
    with T.no_grad():
        w = T.ones(2, requires_grad=True)
    assert w.requires_grad
    assert (w * 2).requires_grad


def test_in_place_updates_of_leaves(T, x):
    (x * 3).sum().backward()
    with T.no_grad():
        x -= 0.5 * x.grad
        x.grad.zero_()
    assert x.tolist() == [-0.5, -0.5]
    assert x.is_leaf
    assert x.requires_grad


# --- inference mode ---


def test_inference_mode(T, x):
    with T.inference_mode():
        assert T.is_inference_mode_enabled()
        assert not T.is_grad_enabled()
        y = x * 2
        assert not y.requires_grad
        assert y.is_inference()
    assert not T.is_inference_mode_enabled()
    assert T.is_grad_enabled()
    assert y.is_inference()
    assert not x.is_inference()


def test_inference_mode_as_a_decorator(T, x):
    @T.inference_mode()
    def double(t):
        return t * 2

    @T.inference_mode
    def triple(t):
        return t * 3

    assert double(x).is_inference()
    assert triple(x).is_inference()


def test_inference_mode_false_records(T, x):
    with T.inference_mode(), T.inference_mode(False):
        assert not T.is_inference_mode_enabled()
    with T.inference_mode(mode=False):
        assert (x * 2).requires_grad


def test_no_grad_inside_inference_mode_stays_inference(T, x):
    with T.inference_mode():
        with T.no_grad():
            assert T.is_inference_mode_enabled()
            assert (x * 2).is_inference()
        with T.enable_grad():
            assert T.is_inference_mode_enabled()
            assert not (x * 2).requires_grad
        assert T.is_inference_mode_enabled()
    assert T.is_grad_enabled()


def test_inference_tensors_cannot_be_saved_for_backward(T, x):
    with T.inference_mode():
        scale = T.ones(2) * 3
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        x * scale
    assert (x * scale.clone()).requires_grad


def test_inference_tensors_cannot_require_grad_outside(T):
    with T.inference_mode():
        y = T.ones(2) * 3
    with pytest.raises(RuntimeError, match="inference tensor"):
        y.requires_grad_()


def test_inference_tensors_are_not_written_outside(T):
    with T.inference_mode():
        y = T.ones(2) * 3
        y.add_(1)
    with pytest.raises(
        RuntimeError, match="Inplace update to inference tensor outside InferenceMode"
    ):
        y.add_(1)


def test_views_of_inference_tensors_are_inference_tensors(T):
    with T.inference_mode():
        y = T.ones(4) * 3
    assert y.view(2, 2).is_inference()
    assert not (y + 1).is_inference()


# --- threads ---


def test_every_thread_begins_recording(T, x):
    seen = {}

    def work(name):
        seen[name] = T.is_grad_enabled()
        with T.no_grad():
            seen[name + " inside"] = T.is_grad_enabled()

    with T.no_grad():
        thread = threading.Thread(target=work, args=("thread",))
        thread.start()
        thread.join()
        assert not T.is_grad_enabled()
    assert seen == {"thread": True, "thread inside": False}


def test_modes_of_threads_do_not_meet(T):
    inside, leave = threading.Event(), threading.Event()

    def work():
        with T.no_grad():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    assert inside.wait(10)
    assert T.is_grad_enabled()
    leave.set()
    thread.join()
