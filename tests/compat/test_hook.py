"""The import hook: one module object under two names, and plain words for what is missing."""

from __future__ import annotations

import pytest

from rushlight.compat._hook import alias_of, target_of


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("torch", "rushlight"),
        ("torch.nn.functional", "rushlight.nn.functional"),
        ("torchvision.transforms.v2", "rushlight.vision.transforms.v2"),
        ("torch._dynamo.config", "rushlight.compat.dynamo.config"),
        ("torchaudio", None),
        ("torch_geometric.nn", None),
        ("rushlight.nn", None),
    ],
)
def test_table(name, target):
    assert target_of(name) == target


@pytest.mark.parametrize(
    ("name", "alias"),
    [
        ("rushlight", "torch"),
        ("rushlight.nn.modules.conv", "torch.nn.modules.conv"),
        ("rushlight.vision", "torchvision"),
        ("rushlight.vision.datasets", "torchvision.datasets"),
        ("rushlight.kernels.conv", None),
        ("rushlight._tensor", None),
        ("rushlightly", None),
        ("numpy", None),
    ],
)
def test_table_read_backwards(name, alias):
    assert alias_of(name) == alias


def test_every_way_to_import_gives_the_same_module(check):
    check("""
        import sys
        import rushlight.compat
        rushlight.compat.install()
        import torch
        import torch.backends.cudnn
        import torch.autograd.function as by_alias
        from torch import autograd, cuda
        from torch.cuda import memory, streams as again
        import rushlight.autograd.function
        import importlib
        assert torch is rushlight and sys.modules["torch"] is rushlight
        assert torch.autograd is autograd is rushlight.autograd is sys.modules["torch.autograd"]
        assert by_alias is rushlight.autograd.function
        assert importlib.import_module("torch.cuda.streams") is again is rushlight.cuda.streams
        assert sys.modules["torch.backends.cudnn"] is rushlight.backends.cudnn
        import torch.cuda.random as random       # under the alias first, then under its own name
        import rushlight.cuda.random
        assert rushlight.cuda.random is random
        owners = {}
        for name, module in sys.modules.items():
            if name.partition(".")[0] in ("torch", "rushlight"):
                owners.setdefault(module.__spec__.name, set()).add(id(module))
        copies = [name for name, ids in owners.items() if len(ids) > 1]
        assert not copies, copies
        assert torch.__spec__.name == "rushlight" and torch.__name__ == "torch"
    """)


def test_modules_imported_under_the_alias_only_are_imported_once(check, tmp_path):
    check("""
        import sys, threading
        import rushlight.compat
        rushlight.compat.install()
        # Threads that import the same name under both of its names at once.
        found = []
        def look(name):
            found.append(__import__(name, fromlist=["x"]))
        names = ["torch.xpu", "rushlight.xpu"] * 8
        threads = [threading.Thread(target=look, args=(name,)) for name in names]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert len({id(module) for module in found}) == 1
    """)


def test_missing_names(check):
    check("""
        import importlib.util
        import rushlight.compat
        rushlight.compat.install()
        import torch, torch.cuda
        where = "(not in rushlight; see docs/compatibility.md)"
        assert not hasattr(torch, "nowhere") and not hasattr(torch.cuda, "nowhere")
        assert getattr(torch, "nowhere", 5) == 5
        for owner, alias in [(torch, "torch"), (torch.cuda, "torch.cuda")]:
            try:
                owner.nowhere
            except AttributeError as error:
                assert str(error) == f"module {alias!r} has no attribute 'nowhere' {where}"
                assert error.name == "nowhere" and error.obj is owner
            else:
                raise AssertionError
        for name in ("torch.nowhere", "torch.cuda.nowhere"):
            try:
                importlib.import_module(name)
            except ModuleNotFoundError as error:
                assert str(error) == f"No module named {name!r} {where}" and error.name == name
            else:
                raise AssertionError
            assert importlib.util.find_spec(name) is None
        try:
            from torch import nowhere
        except ImportError as error:
            assert "nowhere" in str(error) and "rushlight" in str(error)
        else:
            raise AssertionError
    """)


def test_a_module_s_own_lazy_names_still_work(check, tmp_path):
    (tmp_path / "shaky.py").write_text("None.nothing")
    check("""
        import types
        import rushlight.compat
        from rushlight.compat._hook import Hook
        module = types.ModuleType("rushlight.lazy")
        def own(name):
            if name == "there":
                return 7
            if name == "broken":
                import shaky
            raise AttributeError(f"module 'rushlight.lazy' has no attribute {name!r}")
        module.__getattr__ = own
        hook = Hook()
        hook._prepare(module, "torch.lazy")
        assert module.there == 7
        for name, words in [("gone", "not in rushlight"), ("broken", "has no attribute 'nothing'")]:
            try:
                getattr(module, name)
            except AttributeError as error:
                assert words in str(error), error
            else:
                raise AssertionError
        for undo in hook.undo:
            undo()
        assert module.__getattr__ is own
    """)


def test_errors_inside_an_existing_module_are_not_called_missing(check, tmp_path):
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra" / "needs_more.py").write_text("import no_such_dependency")
    check("""
        import rushlight.compat
        rushlight.__path__.append("extra")
        rushlight.compat.install()
        try:
            import torch.needs_more
        except ModuleNotFoundError as error:
            assert error.name == "no_such_dependency", error
        else:
            raise AssertionError
    """)


def test_questions_that_programs_ask_about_torch(check):
    check("""
        import importlib.metadata, importlib.util
        import rushlight.compat
        assert rushlight.__version__ == rushlight.version.__version__ == "0.1.0"
        rushlight.compat.install()
        for name in ("torch", "torchvision", "torchinfo", "torchsummary"):
            assert importlib.util.find_spec(name) is not None
        import torch
        assert importlib.util.find_spec("torch.cuda").origin.endswith("__init__.py")
        version = importlib.metadata.version("torch")
        assert version == torch.__version__ == torch.version.__version__ == "2.13.0+rushlight"
        assert torch.__version__ >= (2, 4) and torch.__version__ > "2.9"
        assert [int(part) for part in torch.__version__.split("+")[0].split(".")] == [2, 13, 0]
        metadata = importlib.metadata.metadata("Torch")
        assert metadata["Name"] == "torch"
        listed = {each.metadata["Name"] for each in importlib.metadata.distributions()}
        assert {"torch", "torchvision"} <= listed
        assert importlib.metadata.version("numpy")
        try:
            importlib.metadata.version("torchaudio-of-nobody")
        except importlib.metadata.PackageNotFoundError:
            pass
        else:
            raise AssertionError
        rushlight.compat.uninstall()
        assert rushlight.__version__ == rushlight.version.__version__ == "0.1.0"
    """)


def test_install_and_uninstall(check, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "torch.py").write_text("__version__ = 'the other one'")
    check(
        """
        import os, sys
        import rushlight.compat.class_names, rushlight.cuda
        from rushlight.compat import install, installed, uninstall
        before = dict(os.environ), list(sys.meta_path), set(vars(rushlight))
        uninstall()                                # harmless when nothing is installed
        with install():
            assert installed()
            import torch.cuda
            assert torch is rushlight
            with install():                        # already installed: the outer block ends it
                pass
            assert installed() and sys.modules["torch"] is rushlight
        assert not installed() and "torch" not in sys.modules and "torch.cuda" not in sys.modules
        os.environ["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
        assert (dict(os.environ), list(sys.meta_path), set(vars(rushlight))) == before
        assert rushlight.cuda.is_available() is False
        import torch
        assert torch.__version__ == "the other one"
        try:
            install()
        except RuntimeError as error:
            text = str(error)
            assert "the real torch (the other one) is already imported" in text
            assert "rushlight run" in text
        else:
            raise AssertionError
        assert not installed() and list(sys.meta_path) == before[1]
        """,
        tmp_path / "other",
    )


def test_ipython_extension(check):
    check("""
        import rushlight.compat
        rushlight.compat.load_ipython_extension(None)
        import torch
        assert torch is rushlight
        rushlight.compat.unload_ipython_extension(None)
        assert not rushlight.compat.installed()
    """)


def test_pickles_that_name_torch(check):
    check("""
        import pickle
        import rushlight.compat
        rushlight.compat.install()
        assert pickle.loads(b"ctorch.cuda.memory\\nempty_cache\\n.") is rushlight.cuda.empty_cache
        assert pickle.loads(b"ctorch\\ndevice\\n(S'cuda:1'\\ntR.") == rushlight.device("cuda:1")
    """)


def test_shims_where_torch_s_layout_differs(check):
    check("""
        import rushlight.compat
        rushlight.compat.install()
        import torch
        torch._dynamo.config.suppress_errors = True        # without an import of its own
        import torch._dynamo as dynamo
        assert dynamo is torch._dynamo and dynamo.config.suppress_errors is True
        def double(x):
            return 2 * x
        assert dynamo.disable(double) is double
        assert dynamo.optimize("eager")(double) is double
        dynamo.reset()
        import torch._dynamo.config
        assert torch._dynamo.config is dynamo.config
        assert torch.compiler.is_compiling() is False
    """)


def test_safetensors_for_torch_is_ours(check):
    pytest.importorskip("safetensors")
    check("""
        import rushlight.compat
        rushlight.compat.install()
        import torch
        from safetensors.torch import load_file, save_file
        save_file({"a": torch.arange(3)}, "a.safetensors")
        assert torch.equal(load_file("a.safetensors")["a"], torch.arange(3))
        import safetensors.torch, sys
        rushlight.compat.uninstall()
        assert "safetensors.torch" not in sys.modules and "safetensors" in sys.modules
    """)


def test_modules_that_load_on_first_use_are_told_about_too(check):
    check("""
        import sys
        import rushlight.compat
        rushlight.compat.install()
        import torch
        assert "rushlight.backends" not in sys.modules
        try:
            torch.backends.nowhere
        except AttributeError as error:
            assert "module 'torch.backends' has no attribute 'nowhere' (not in" in str(error)
        else:
            raise AssertionError
    """)


def test_what_programs_use_after_import_torch_alone(check):
    check("""
        import rushlight.compat
        rushlight.compat.install()
        import torch
        assert torch.utils.data.DataLoader and torch.optim.lr_scheduler.StepLR
        assert torch.nn.functional.relu and torch.nn.init.zeros_ and torch.nn.utils.clip_grad_norm_
        assert torch.nn.utils.rnn.pad_sequence and torch.autograd.Function and torch.autograd.grad
        assert torch.linalg.norm and torch.fft.fft and torch.special.expit
        assert torch.cuda.is_available() in (True, False)
        assert torch.accelerator.is_available() in (True, False)
        torch.backends.cudnn.benchmark = True
        assert torch.compile(len) is len and torch.compiler.is_compiling() is False
        import torchvision
        assert torchvision.datasets.MNIST and torchvision.transforms.Compose
        assert torchvision.transforms.functional and torchvision.models
    """)


def test_classes_have_torch_names(check):
    check("""
        import inspect, io, pickle, rushlight.compat
        from rushlight import Tensor
        assert repr(Tensor) == "<class 'rushlight._tensor.Tensor'>"
        with rushlight.compat.install():
            import torch
            import torch.nn as nn
            from torch.utils.data import DataLoader, Subset
            from torchvision import transforms
            kinds = {
                "torch": (Tensor, torch.Size, torch.dtype, torch.device, torch.FloatTensor),
                "torch.nn.parameter": (nn.Parameter,),
                "torch.nn.modules.linear": (nn.Linear,),
                "torch.nn.modules.activation": (nn.ReLU, nn.MultiheadAttention),
                "torch.optim.adam": (torch.optim.Adam,),
                "torch.optim.lr_scheduler": (torch.optim.lr_scheduler.StepLR,),
                "torch.utils.data.dataset": (Subset,),
            }
            for module, classes in kinds.items():
                for cls in classes:
                    assert repr(cls) == f"<class '{module}.{cls.__name__}'>", cls
            assert "class Linear" in inspect.getsource(nn.Linear)
            assert pickle.loads(pickle.dumps(nn.Linear)) is nn.Linear
            assert torch.typename(nn.Linear(1, 1)) == "torch.nn.modules.linear.Linear"
            file = io.BytesIO()
            torch.save([nn.Linear(2, 1), torch.Size([2]), nn.LSTM(2, 2)], file)
        assert repr(Tensor) == "<class 'rushlight._tensor.Tensor'>"
        file.seek(0)
        again = rushlight.load(file, weights_only=False)
        assert type(again[0]) is rushlight.nn.Linear
    """)


def test_renamed_classes_compute_as_before(check):
    check("""
        import rushlight.compat
        rushlight.compat.install()
        import torch
        class Marked(torch.Tensor):
            pass
        weight = torch.nn.Parameter(torch.ones(2))
        assert type(weight * 2) is torch.Tensor
        assert type(torch.ones(2).as_subclass(Marked) * weight) is Marked
        square = torch.eye(2).to_sparse()
        assert torch.equal(torch.sparse.mm(square, torch.ones(2, 1)), torch.ones(2, 1))
        assert (square * 2).is_sparse
    """)
