"""Every public class is written under the name that PyTorch has it under, and found again."""

from __future__ import annotations

import importlib
import inspect
import io
import operator

import pytest

import rushlight as rl
from rushlight._torch_names import our_module, torch_name
from rushlight.serialization.names import find_ours

PLACES = ("rushlight", "rushlight.nn", "rushlight.optim", "rushlight.optim.lr_scheduler")
PLACES += ("rushlight.utils.data",)
# Ours alone, or written to no file.
OURS_ALONE = {"OutOfMemoryError"}


def public_classes():
    for place in PLACES:
        try:
            package = importlib.import_module(place)
        except ImportError:
            continue
        for name, value in sorted(vars(package).items()):
            if inspect.isclass(value) and value.__module__.startswith("rushlight"):
                if not name.startswith("_") and name not in OURS_ALONE:
                    yield pytest.param(value, id=f"{place}.{name}")


@pytest.mark.parametrize("cls", list(public_classes()))
def test_a_class_is_found_under_the_name_it_is_written_with(cls):
    module, name = torch_name(cls.__module__, cls.__qualname__)
    assert module.partition(".")[0] in ("torch", "torchvision")
    assert find_ours(module, name) is cls


@pytest.mark.parametrize("cls", list(public_classes()))
def test_pytorch_has_the_class_under_that_name(cls):
    torch = pytest.importorskip("torch")
    places = (torch, torch.nn, torch.optim, torch.optim.lr_scheduler, torch.utils.data)
    if not any(hasattr(place, cls.__name__) for place in places):
        pytest.skip("PyTorch has no class of this name")
    module, name = torch_name(cls.__module__, cls.__qualname__)
    found = getattr(importlib.import_module(module), name)
    assert inspect.isclass(found)


def test_functions():
    assert torch_name("rushlight.ops.activation", "relu") == ("torch.nn.functional", "relu")
    assert torch_name("rushlight.ops.arithmetic", "add") == ("torch", "add")
    assert torch_name(rl.linalg.norm.__module__, "norm") == ("torch.linalg", "norm")
    assert torch_name(rl.norm.__module__, "norm") == ("torch", "norm")
    assert find_ours("torch.nn.functional", "relu") is rl.relu
    assert find_ours("torch", "relu") is rl.relu


def test_where_pytorchs_compiled_functions_say_they_live():
    functional = rl.nn.functional
    assert find_ours("torch._C._nn", "gelu") is functional.gelu
    assert find_ours("torch._C._nn", "log_sigmoid") is functional.logsigmoid
    assert find_ours("torch._C._special", "special_expit") is rl.special.expit
    assert find_ours("torch._C._fft", "fft_fft") is rl.fft.fft
    assert find_ours("torch._C._linalg", "linalg_norm") is rl.linalg.norm
    assert find_ours("torch._C", "TensorBase") is rl.Tensor
    functions = find_ours("torch._C", "_VariableFunctionsClass")
    assert functions.tanh is rl.tanh
    assert functions.cosine_similarity is functional.cosine_similarity
    with pytest.raises(AttributeError, match=r"no torch\._C\._nn\.nonsense"):
        find_ours("torch._C._nn", "nonsense")
    with pytest.raises(AttributeError, match=r"no torch\.nonsense"):
        _ = functions.nonsense


FUNCTIONS = ("nn.functional.gelu", "nn.functional.softplus", "nn.functional.logsigmoid")
FUNCTIONS += ("nn.functional.relu", "nn.functional.conv2d", "tanh", "sigmoid")
FUNCTIONS += ("fft.rfft", "linalg.norm", "Tensor.relu", "nn.functional.one_hot")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_inside_pytorchs_files_are_found_and_ours_by_pytorch(torch, name):
    def within(library):
        return operator.attrgetter(name)(library)

    file = io.BytesIO()
    torch.save({"activation": within(torch)}, file)
    file.seek(0)
    assert rl.load(file, weights_only=False) == {"activation": within(rl)}
    file = io.BytesIO()
    rl.save(within(rl), file)
    file.seek(0)
    assert torch.load(file, weights_only=False).__name__ == within(torch).__name__


def test_other_packages_keep_their_names():
    assert torch_name("numpy", "ndarray") == ("numpy", "ndarray")
    assert torch_name("rushlightful.x", "Y") == ("rushlightful.x", "Y")
    assert our_module("torchaudio.models") is None
    assert our_module("torchvision.models.resnet") == "rushlight.vision.models.resnet"
    assert our_module("torch") == "rushlight"


def test_what_is_missing_is_named():
    with pytest.raises(AttributeError, match=r"no torch\.nn\.modules\.nothing\.Nothing"):
        find_ours("torch.nn.modules.nothing", "Nothing")
