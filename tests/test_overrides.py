"""Subclasses of Tensor keep their type, and may see every function called on them.

The dispatchers stay in place once a subclass exists, so the tests run in processes of their own.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap


def run(T, program):
    header = f"import {T.__name__} as torch\nfrom {T.__name__} import nn, overrides\n"
    if T.__name__ == "rushlight":
        header += "F = nn.functional\n"
    else:
        header += "F = torch.nn.functional\n"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", header + textwrap.dedent(program)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_results_have_the_type_of_the_subclass(T):
    out = run(
        T,
        """
        class Sub(torch.Tensor):
            pass
        a = Sub([1.0, 2.0])
        results = [
            a + 1, 1 - a, torch.exp(a), a.sum(), a[0], a.T, a.data, a.detach(), F.relu(a),
            torch.cat([a, torch.ones(2)]), a.max(0)[0], a.split(1)[0], nn.Linear(2, 3)(a),
            a.clone().add_(1), a.to(torch.float64), a * nn.Parameter(torch.ones(2)), -a, a == a,
        ]
        print({type(r).__name__ for r in results})
        print(type(a.shape).__name__, type(a.tolist()).__name__)
        print(type(torch.ones(2) + 1).__name__, type(nn.Parameter(torch.ones(2)) * 2).__name__)
        """,
    )
    assert out == ["{'Sub'}", "Size", "list", "Tensor", "Tensor"]


def test_gradients_pass_through_subclasses(T):
    out = run(
        T,
        """
        class Sub(torch.Tensor):
            pass
        x = torch.ones(2, requires_grad=True)
        s = x.as_subclass(Sub)
        (s * 3).sum().backward()
        y = Sub([2.0]).requires_grad_()
        (y * y).sum().backward()
        print(x.grad.tolist(), y.grad.tolist(), s.requires_grad)
        """,
    )
    assert out == ["[3.0,", "3.0]", "[4.0]", "True"]


def test_a_subclass_may_take_arguments_of_its_own(T):
    out = run(
        T,
        """
        class Named(torch.Tensor):
            @staticmethod
            def __new__(cls, x, label, *args, **kwargs):
                return super().__new__(cls, x, *args, **kwargs)
            def __init__(self, x, label, *args, **kwargs):
                self.label = label
        m = Named([3.0, 4.0], "m")
        print(m.label, m, type(m * 2).__name__)
        """,
    )
    assert out == ["m", "Named([3.,", "4.])", "Named"]


def test_an_override_sees_functions_and_methods(T):
    out = run(
        T,
        """
        log = []
        class Logged(torch.Tensor):
            @classmethod
            def __torch_function__(cls, func, types, args=(), kwargs=None):
                log.append(func.__name__)
                return super().__torch_function__(func, types, args, kwargs or {})
        b = torch.ones(3).as_subclass(Logged)
        c = torch.exp(b) + b
        d = b.add_(1)
        torch.stack([c, torch.zeros(3)]).mean()
        with torch._C.DisableTorchFunctionSubclass():
            b.sum()
        print(*log, d is b, type(c).__name__)
        """.replace("torch._C.", "overrides." if T.__name__ == "rushlight" else "torch._C."),
    )
    assert out == ["exp", "add", "add_", "stack", "mean", "True", "Logged"]


def test_handlers_are_found_by_function(T):
    out = run(
        T,
        """
        class Sub(torch.Tensor):
            pass
        handled = {}
        class Duck:
            def __init__(self, v):
                self.v = v
            @classmethod
            def __torch_function__(cls, func, types, args=(), kwargs=None):
                if func not in handled:
                    return NotImplemented
                return handled[func](*args, **(kwargs or {}))
        handled[torch.mean] = lambda duck: duck.v
        print(torch.mean(Duck(5)), torch.is_tensor(Duck(5)))
        try:
            torch.sin(Duck(1))
        except TypeError as error:
            print("torch.sin" in str(error))
        print(overrides.is_tensor_like(Duck(1)), overrides.has_torch_function((Duck(1),)))
        """,
    )
    assert out == ["5", "False", "True", "True", "True"]


def test_unrelated_subclasses_do_not_mix(T):
    out = run(
        T,
        """
        class A(torch.Tensor):
            pass
        class B(torch.Tensor):
            pass
        class C(A):
            pass
        a, b, c = (torch.ones(2).as_subclass(cls) for cls in (A, B, C))
        print(type(a + c).__name__, type(c + a).__name__)
        for function in (lambda: a + b, lambda: a.add(b)):
            try:
                print(type(function()).__name__)
            except TypeError:
                print("TypeError")
        """,
    )
    assert out == ["C", "C", "TypeError", "TypeError"]


def test_a_mode_sees_every_function(T):
    out = run(
        T,
        """
        log = []
        class Watch(overrides.TorchFunctionMode):
            def __torch_function__(self, func, types, args=(), kwargs=None):
                log.append(func.__name__)
                return func(*args, **(kwargs or {}))
        with Watch():
            y = torch.ones(2)
            torch.sin(y) + y.cos()
        torch.ones(1)
        print(*log)
        """,
    )
    assert out == ["ones", "sin", "cos", "add"]


def test_functions_of_your_own_can_be_handled(T):
    wrap = "overrides.wrap_torch_function"
    out = run(
        T,
        f"""
        class Sub(torch.Tensor):
            pass
        @{wrap}(lambda x: (x,))
        def double(x):
            return x * 2
        s = double(Sub([1.0]))
        print(type(s).__name__, s.tolist(), type(double(torch.ones(1))).__name__)
        """,
    )
    assert out == ["Sub", "[2.0]", "Tensor"]


def test_importing_and_parameters_put_nothing_in_place():
    program = (
        "import sys, rushlight; rushlight.nn.Linear(2, 2)(rushlight.ones(2))\n"
        "print('rushlight.overrides' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
