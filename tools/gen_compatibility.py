"""Write docs/compatibility.md: which of PyTorch's public names rushlight has. Needs torch.

python tools/gen_compatibility.py
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

SPACES = (
    "torch", "torch.Tensor", "torch.nn", "torch.nn.functional", "torch.nn.init", "torch.nn.utils",
    "torch.nn.utils.rnn", "torch.nn.utils.parametrize", "torch.nn.utils.parametrizations",
    "torch.nn.utils.prune", "torch.nn.attention", "torch.optim", "torch.optim.lr_scheduler",
    "torch.optim.swa_utils", "torch.autograd", "torch.autograd.functional",
    "torch.autograd.forward_ad", "torch.autograd.graph", "torch.func", "torch.linalg",
    "torch.fft", "torch.special", "torch.signal.windows", "torch.sparse", "torch.random",
    "torch.distributions", "torch.distributions.constraints", "torch.distributions.transforms",
    "torch.distributions.kl", "torch.utils.data", "torch.utils.checkpoint", "torch.amp",
    "torch.multiprocessing", "torch.serialization", "torch.overrides", "torch.testing",
    "torch.futures", "torch.cuda", "torch.masked", "torch.library", "torch.profiler",
    "torch.utils.cpp_extension", "torch.utils.benchmark", "torch.utils.flop_counter",
)  # fmt: skip

# What is left out on purpose, by the names in `torch`, Tensor and `nn.functional`.
LEFT_OUT = (
    ("TorchScript and the types of its compiler", (
        r"\w*Type|\w*Script\w*|\w*Executor\w*|Graph|Node|Block|Value|Use|Code|Argument\w*|AliasDb|"
        r"(Complete|Concrete|Deserialization|Serialization|DeepCopy|Tracing|PyTorchFile|Dispatch)"
        r"\w*|\w*Logger|CallStack|Capsule|ErrorReport|ExecutionPlan|FileCheck|FunctionSchema|"
        r"Gradient|IODescriptor|JITException|OperatorInfo|StaticModule|Benchmark\w*|Throughput\w*|"
        r"FatalError|Tag|AggregationType|AVG|SUM|DataChunk|CompilationUnit|merge_type_\w+|"
        r"parse_\w+|unify_\w+|import_ir_\w+|fork|wait|init_num_threads|boolean_dispatch|"
        r"Broadcasting\w*|assert_int_or_pair|BufferDict|ModuleDict|ParameterDict|factory_kwargs|"
        r"ExcludeDispatchKeyGuard|\w*ObjType|read_vitals|set_vital|vitals_enabled"
    )),
    ("quantization", (
        r"q(int|u?scheme|uint)\w*|quint\w+|quantize\w*|quantized_\w+|fake_quantize\w*|dequantize|"
        r"q_\w+|int_repr|fbgemm_\w+|choose_qparams\w*|fused_moving\w+|empty_quantized|bits\w+|"
        r"u?int[1-7]|float[48]_\w+|bit"
    )),
    ("other libraries' kernels and devices", (
        r"(cudnn|miopen|mkldnn|mps|xla|ipu|vulkan)_\w+|is_(vulkan|ipu|xla)\w*|to_mkldnn|"
        r"\w*_(ipu|xla)_\w+|batch_norm_(stats|elemt|backward|gather|update)\w*|ipu|xpu|mtia|"
        r"ScalingType|SwizzleType|scaled_\w*mm|grouped_mm|scaled_grouped_mm"
    )),
    ("what only tracing compilers use", r"Sym\w+|sym_(constrain|fresh|sqrt)\w*|cond"),
    ("half-precision complex numbers", r"complex32|chalf"),
    ("names of other modules and texts", (
        r"TYPE_CHECKING|Tensor|\w+_notes|common_notes|GRID_SAMPLE_\w+|has_torch_function\w*|"
        r"handle_torch_function|has_(lapack|mkl|openmp|spectral)|DFIterDataPipe|\w*DataPipe|"
        r"functional_datapipe|\w*_validation\w*|(non|guaranteed)_\w*determini\w*|reinforce"
    )),
)  # fmt: skip

HEAD = """\
# Compatibility with PyTorch {version}

Which of PyTorch's public names rushlight has. This page is written by `tools/gen_compatibility.py`.
A name **differs** if rushlight's function lacks an argument of PyTorch's; it is **missing** if
looking it up fails; names in **left out** are no aim (the last section says why).
`rushlight run --report script.py` lists what one program uses.

| namespace | has | of which differ | missing | left out |
|---|---:|---:|---:|---:|
"""


def names_of(space: Any) -> list[str]:
    """Return the names that PyTorch documents: public, no modules, not imported from elsewhere."""
    listed = getattr(space, "__all__", None)
    found = []
    for name in listed or dir(space):
        value = inspect.getattr_static(space, name, None)
        if name.startswith("_") or isinstance(value, ModuleType):
            continue
        home = getattr(value, "__module__", None) or "torch"
        if inspect.isclass(space) or str(home).startswith("torch"):
            found.append(name)
    return sorted(found)


def lookup(path: str) -> Any:
    """Return a module, or an attribute of one; None if there is none."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        parent, _, name = path.rpartition(".")
        return getattr(lookup(parent), name, None) if parent else None


def has(space: Any, name: str) -> bool:
    """Tell whether a name can be looked up."""
    if space is None:
        return False
    if inspect.isclass(space):
        return any(name in vars(base) for base in space.__mro__)
    return hasattr(space, name)


# --- arguments ---

_PREFIX = {"torch.linalg": "linalg_", "torch.fft": "fft_", "torch.special": "special_"}


def schemas(path: str, name: str) -> Iterator[list[str]]:
    """Yield the argument names of each form of an operator written in C++."""
    core = importlib.import_module("torch")._C
    for schema in core._jit_get_schemas_for_operator(f"aten::{_PREFIX.get(path, '')}{name}"):
        tensors = any("Tensor" in str(a.type) for a in schema.arguments)
        if tensors and not any(a.is_out for a in schema.arguments):
            yield [a.name for a in schema.arguments]


def arguments(function: Any) -> list[str] | None:
    """Return argument names that can be read, None if they cannot be or anything is accepted."""
    try:
        found = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):
        return None
    if any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in found):
        return None
    return [p.name for p in found]


def lacking(path: str, name: str, ours: Any, theirs: Any) -> list[str]:
    """Return the arguments of PyTorch's function that ours does not take.

    The first argument's name is no difference: operators take it under any of torch's names.
    """
    if not callable(ours) or not callable(theirs):
        return []
    mine, known = arguments(ours), arguments(theirs)
    if mine is None:
        return []
    written_here = known is None and inspect.isfunction(theirs)  # and takes anything
    forms = [known] if known is not None else [] if written_here else list(schemas(path, name))
    taken = {*mine, "out", "input", "self"}
    wanted: list[str] = []
    for form in forms:
        wanted += [a for a in form[1:] if a not in taken and not a.startswith("_")]
    return list(dict.fromkeys(wanted))


# --- the page ---


def reason(name: str) -> str | None:
    """Return why a name is left out, None if it is not."""
    return next((why for why, pattern in LEFT_OUT if re.fullmatch(pattern, name)), None)


def section(path: str) -> tuple[str, str]:
    """Return the row and the section of one namespace."""
    theirs, ours = lookup(path), lookup("rushlight" + path.removeprefix("torch"))
    names = names_of(theirs)
    present = [name for name in names if has(ours, name)]
    differ = _differing(path, present, ours, theirs)
    absent = [name for name in names if name not in set(present)]
    left = [name for name in absent if reason(name)]
    missing = [name for name in absent if not reason(name)]
    anchor = path.replace(".", "").lower()
    shown = f"[`{path}`](#{anchor})" if missing or differ else f"`{path}`"
    row = f"| {shown} | {len(present)} | {len(differ)} | {len(missing)} | {len(left)} |"
    text = f"\n## {path}\n" if missing or differ else ""
    if missing:
        text += "\nMissing: " + ", ".join(f"`{name}`" for name in missing) + "\n"
    if differ:
        lines = [f"- `{n}` without {', '.join(f'`{a}`' for a in lacks)}" for n, lacks in differ]
        text += "\nDiffer:\n\n" + "\n".join(lines) + "\n"
    return row, text


def _differing(path: str, names: list[str], ours: Any, theirs: Any) -> list[tuple[str, list[str]]]:
    found = []
    for name in names:
        lacks = lacking(path, name, getattr(ours, name), getattr(theirs, name))
        if lacks:
            found.append((name, lacks))
    return found


def left_out() -> str:
    """Return the last section: what is left out of `torch`, and why."""
    lines = []
    spaces = [lookup(path) for path in SPACES]
    ours = [lookup("rushlight" + path.removeprefix("torch")) for path in SPACES]
    absent = {n for a, b in zip(spaces, ours, strict=True) for n in names_of(a) if not has(b, n)}
    for why, pattern in LEFT_OUT:
        names = sorted(n for n in absent if re.fullmatch(pattern, n) and reason(n) == why)
        lines.append(f"- {why}: " + ", ".join(f"`{n}`" for n in names))
    return "\n## Left out\n\n" + "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    warnings.simplefilter("ignore")
    torch = importlib.import_module("torch")
    rows, sections = zip(*[section(path) for path in SPACES], strict=True)
    head = HEAD.format(version=torch.__version__.partition("+")[0])
    page = head + "\n".join(rows) + "\n" + "".join(sections) + left_out()
    (ROOT / "docs" / "compatibility.md").write_text(page)
    print("\n".join(rows))


if __name__ == "__main__":
    main()
