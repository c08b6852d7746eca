"""The public face: every operator documented and cased, torch's signatures, a small import."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import rushlight
from rushlight.ops._export import EXPORTS, Export

sys.path.insert(0, str(Path(__file__).parent))

from opcases import all_cases

# Some families are loaded when they are first used.
for _family in pkgutil.iter_modules(rushlight.ops.__path__, "rushlight.ops."):
    importlib.import_module(_family.name)

GOLDEN = Path(__file__).parent / "golden" / "signatures.json"

# Operators without an OpCase: what a case cannot say of them is tested where the reason tells.
NO_CASE = {
    "random: tests/ops/test_rejection_sampling.py": [
        "_dirichlet_grad", "_sample_dirichlet", "_standard_gamma", "_standard_gamma_grad",
        "binomial",
    ],
    "random: tests/ops/test_sampling.py, tests/test_random_streams.py": [
        "bernoulli", "gumbel_softmax", "multinomial", "normal", "poisson", "rand", "rand_like",
        "randint", "randint_like", "randn", "randn_like", "randperm", "rrelu",
    ],
    "uninitialised memory: tests/ops/test_creation.py": ["empty", "empty_like", "empty_strided"],
    "answers that are no tensors: tests/ops/test_views.py, tests/test_tensor.py": [
        "broadcast_shapes", "is_complex", "is_floating_point", "is_nonzero", "is_same_size",
        "is_storage", "is_tensor", "numel",
    ],
    "memory of another library: tests/test_tensor.py": ["from_dlpack"],
    "a tuple of index tensors: tests/test_tensor.py": ["index_put"],
    "needs a last dimension of stride 1: tests/test_tensor.py": ["view_as_complex"],
    "a state of several tensors, packed input: tests/nn/test_rnn.py": [
        "gru", "lstm", "lstm_cell", "rnn_relu", "rnn_tanh",
    ],
    "parts and copies of other operators: tests/ops/test_lower_level.py": [
        "alias_copy", "alpha_dropout_", "as_strided_copy", "constant_pad_nd",
        "detach_copy", "diagonal_copy", "dropout_", "embedding_renorm_", "empty_permuted",
        "expand_copy", "feature_alpha_dropout_", "frobenius_norm", "from_file", "hash_tensor",
        "narrow_copy", "native_channel_shuffle", "native_dropout", "nonzero_static",
        "norm_except_dim", "nuclear_norm", "permute_copy", "select_copy", "slice_copy",
        "split_with_sizes_copy", "squeeze_copy", "sym_float", "sym_int", "sym_ite", "sym_max",
        "sym_min", "sym_not", "sym_sum", "t_copy", "transpose_copy", "unbind_copy", "unfold_copy",
        "unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes", "unsqueeze_copy", "view_copy",
        "view_as_complex_copy", "view_as_real_copy",
    ],
    "layers by other names: tests/ops/test_lower_layers.py": [
        "affine_grid_generator", "convolution", "feature_dropout", "feature_dropout_",
        "grid_sampler", "grid_sampler_2d", "grid_sampler_3d", "is_distributed",
        "native_group_norm", "native_layer_norm",
    ],
    "random windows: tests/nn/test_fractional_pool.py": [
        "fractional_max_pool2d", "fractional_max_pool2d_with_indices", "fractional_max_pool3d",
        "fractional_max_pool3d_with_indices",
    ],
    "nineteen arguments: tests/nn/test_transformer.py": ["multi_head_attention_forward"],
    "random projections: tests/ops/test_linalg.py": ["svd_lowrank", "pca_lowrank"],
    "warns of its own end: tests/test_tensor.py": ["range"],
    "memory under other strides: tests/ops/test_views.py": ["as_strided", "as_strided_scatter"],
}  # fmt: skip

# Names of PyTorch's modules that are no part of its interface.
NOT_PUBLIC = {
    "boolean_dispatch", "handle_torch_function", "assert_int_or_pair", "cast", "is_tensor_like",
    "overload", "Counter", "Optimizer", "Container", "DataChunk", "functional_datapipe",
    "guaranteed_datapipes_determinism", "non_deterministic", "runtime_validation_disabled",
}  # fmt: skip

OTHER_SIGNATURES = {
    "nn.LazyConv": "hands the rest on to Conv, as keyword or positional arguments",
    "nn.Transformer": "torch's default activation is the function relu, ours its name",
    "_with_indices": "one wrapper for all of them; takes what the plain function takes",
}


def cased_functions() -> set[int]:
    """Identify the functions for which a case exists, under whatever name."""
    found = set()
    for case in all_cases():
        last = case.name.rpartition(".")[2]
        for name in (case.name, last):
            if name in EXPORTS:
                found.add(id(EXPORTS[name].function))
    return found


def excused() -> set[str]:
    return {name for names in NO_CASE.values() for name in names}


def in_place_form(export: Export) -> bool:
    return export.name.endswith("_") and export.name[:-1] in EXPORTS


def test_every_operator_is_documented():
    bare = [
        name for name, e in EXPORTS.items() if len((e.function.__doc__ or "").split("\n")[0]) < 8
    ]
    assert bare == []


def test_every_operator_has_a_case():
    cased = cased_functions()
    missing = sorted(
        name
        for name, e in EXPORTS.items()
        if id(e.function) not in cased and name not in excused() and not in_place_form(e)
    )
    assert missing == [], "write an OpCase, or give the reason in NO_CASE"


def test_excuses_are_needed():
    cased = cased_functions()
    needless = sorted(n for n in excused() & set(EXPORTS) if id(EXPORTS[n].function) in cased)
    assert needless == []


def test_every_operator_is_where_it_says():
    for e in EXPORTS.values():
        name = e.name.rpartition(".")[2]
        if e.public is not None and "." not in e.name:
            shown = getattr(rushlight, name)
            # Another test's subclass of Tensor may have put dispatchers in place.
            assert e.public in (shown, getattr(shown, "__wrapped__", None)), e.name
        if e.functional:
            assert hasattr(rushlight.nn.functional, name), e.name
        if e.method:
            assert hasattr(rushlight.Tensor, name), e.name
        if e.inplace:
            assert hasattr(rushlight.Tensor, name + "_"), e.name


@pytest.mark.parametrize(
    "name",
    ["", "nn", "optim", "autograd", "utils.data", "optim.lr_scheduler", "nn.utils", "random"],
)
def test_names_in_all_exist(name):
    module = importlib.import_module(f"rushlight.{name}" if name else "rushlight")
    names = getattr(module, "__all__", [])
    assert [n for n in names if not hasattr(module, n)] == []
    assert len(set(names)) == len(names)


# --- signatures ---


def parameters(function: Any) -> list[str]:
    """Describe the parameters but self as tools/make_golden_signatures.py does."""
    found = []
    for p in inspect.signature(function).parameters.values():
        if p.name != "self":
            star = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
            simple = isinstance(p.default, (int, float, str, bool, tuple, type(None)))
            found.append(f"{star}{p.name}" + (f"={p.default!r}" if simple else ""))
    return [name.replace("=<class 'inspect._empty'>", "") for name in found]


def find(path: str) -> Any:
    value: Any = rushlight
    for part in path.split("."):
        value = getattr(value, part)
    return value


def signatures() -> dict[str, list[str]]:
    table = json.loads(GOLDEN.read_text())["signatures"]
    return {n: p for n, p in table.items() if n.rpartition(".")[2] not in NOT_PUBLIC}


def excepted(name: str) -> bool:
    return any(part in name for part in OTHER_SIGNATURES)


def test_signatures_are_those_of_torch():
    different = {}
    for name, theirs in signatures().items():
        try:
            value = find(name)
        except AttributeError:
            continue
        ours = parameters(value.__init__ if inspect.isclass(value) else value)
        if ours != theirs and not excepted(name):
            different[name] = {"torch": theirs, "rushlight": ours}
    assert different == {}


def test_most_of_torchs_layers_and_functions_are_there():
    names = [n for n in signatures() if n.startswith(("nn.functional.", "nn.init.", "nn."))]
    missing = []
    for name in names:
        try:
            find(name)
        except AttributeError:
            missing.append(name)
    assert len(missing) < 0.15 * len(names), missing


# --- the import ---

_IMPORT = """
import sys, time
import numpy, ml_dtypes
before, start = set(sys.modules), time.perf_counter()
import rushlight
seconds = time.perf_counter() - start
new = {name.partition(".")[0] for name in set(sys.modules) - before}
heavy = new & {"cupy", "torch", "PIL", "matplotlib", "tensorboard", "safetensors", "scipy"}
assert not heavy, heavy
late = {f"rushlight.{name}" for name in ("vision", "cli", "serialization", "compat")}
assert not late & set(sys.modules), late & set(sys.modules)
print(len(set(sys.modules) - before), seconds)
"""


def test_the_import_is_small():
    environment = {"PYTHONPATH": str(Path(rushlight.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) < 320


def test_absent_names_say_so():
    with pytest.raises(AttributeError, match="module 'torch' has no attribute 'quantum'"):
        rushlight.quantum
    with pytest.raises(AttributeError):
        rushlight.nn.functional.quantum
    with pytest.raises(AttributeError):
        rushlight.ones(1).quantum


def test_submodules_are_there_without_an_import_of_their_own():
    for path in (
        "utils.data",
        "nn.functional",
        "nn.init",
        "nn.utils",
        "optim.lr_scheduler",
        "linalg",
    ):
        assert isinstance(find(path), types.ModuleType), path
