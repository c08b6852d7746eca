"""Single kernels from their source: `compile_kernel`, on a GPU or in the emulator."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .._tensor import Tensor

__all__ = ["Kernel", "compile_kernel", "is_emulated"]

_LARGE_SHARED = 48 * 1024  # bytes from which a kernel has to be configured
_LARGEST_SHARED = 227 * 1024


def is_emulated() -> bool:
    """Tell whether CUDA kernels run on the CPU.

    They do where there is no GPU, and with the environment variable RUSHLIGHT_CUDA_EMULATE=1.

    Returns:
        True if `compile_kernel` and CUDA extensions use the emulator.
    """
    from ..utils.cpp_extension import _cuda

    return _cuda.is_emulated()


def compile_kernel(
    kernel_source: str,
    kernel_name: str,
    compute_capability: str | None = None,
    cuda_include_dirs: Sequence[str] | None = None,
    nvcc_options: Sequence[str] | None = None,
    *,
    debug: bool = False,
) -> Kernel:
    """Compile a CUDA kernel and return what launches it.

    On a GPU the source is compiled by NVRTC. Elsewhere it is compiled by the host's C++ compiler
    for the emulator, and takes tensors of the CPU; results of earlier calls are kept on disk.

    Args:
        kernel_source: CUDA C++ with the kernel. `extern "C"` is not needed.
        kernel_name: the kernel; of a template with its arguments, as `"scale<float>"`.
        compute_capability: such as `"90"`; None: that of the GPU. Not used by the emulator.
        cuda_include_dirs: directories for `#include`.
        nvcc_options: more options for the compiler.
        debug: check every access to memory, and shared memory for races. Emulator only; the
            environment variable RUSHLIGHT_CUDA_CHECK=1 does the same.

    Returns:
        A `Kernel`.

    Raises:
        RuntimeError: the source does not compile, or does not define the kernel.

    Example:
        >>> source = '''
        ... __global__ void add(const float* a, const float* b, float* c, int n) {
        ...   int i = blockIdx.x * blockDim.x + threadIdx.x;
        ...   if (i < n) c[i] = a[i] + b[i];
        ... }'''
        >>> add = rushlight.cuda.compile_kernel(source, "add")  # doctest: +SKIP
        >>> a, b, c = rushlight.ones(1000), rushlight.ones(1000), rushlight.empty(1000)
        >>> add(grid=(4, 1, 1), block=(256, 1, 1), args=[a, b, c, 1000])  # doctest: +SKIP
    """
    _check_name(kernel_source, kernel_name)
    directories = [str(directory) for directory in cuda_include_dirs or ()]
    options = list(nvcc_options or ())
    if is_emulated():
        return _EmulatedKernel(kernel_source, kernel_name, directories, options, debug)
    return _DeviceKernel(kernel_source, kernel_name, directories, options)


_KERNEL = re.compile(r"__global__[^;{(]*?(?:__launch_bounds__\s*\([^)]*\)[^;{(]*?)?\b(\w+)\s*\(")


def _check_name(source: str, name: str) -> None:
    defined = list(dict.fromkeys(_KERNEL.findall(source)))
    base = name.partition("<")[0].rpartition("::")[2].strip()
    if base not in defined and not re.search(rf"\b{re.escape(base)}\b", source):
        known = f"it defines {', '.join(defined)}" if defined else "it has no __global__ function"
        raise RuntimeError(f"compile_kernel: the source defines no kernel {name!r}; {known}")


class Kernel:
    """A compiled CUDA kernel; call it to launch it. `compile_kernel` makes one."""

    def __init__(self, name: str):
        self.name = name
        self._shared_limit = 0

    def __call__(
        self,
        grid: int | Sequence[int] = (1, 1, 1),
        block: int | Sequence[int] = (1, 1, 1),
        args: Sequence[Any] | None = None,
        shared_mem: int = 0,
        stream: Any = None,
    ) -> None:
        """Launch the kernel.

        Args:
            grid: how many blocks, in up to three dimensions.
            block: how many threads in a block, likewise.
            args: tensors for pointers, None for null pointers, numbers.
            shared_mem: bytes of dynamic shared memory.
            stream: the stream to use; None: the current one.

        Raises:
            TypeError: the arguments are not what the kernel's parameters ask for.
            RuntimeError: CUDA refuses the launch, or the kernel failed.
        """
        self._check_shared(shared_mem)
        size = _dimensions("grid", grid), _dimensions("block", block)
        self._launch(*size, list(args or ()), shared_mem, stream)

    def set_shared_memory_config(self, shared_mem_bytes: int) -> None:
        """Allow launches with this much dynamic shared memory, 48 KiB or more.

        Raises:
            RuntimeError: a block cannot have so much.
        """
        if shared_mem_bytes > _LARGEST_SHARED:
            raise RuntimeError(
                f"Requested shared memory ({shared_mem_bytes} bytes) exceeds device limit "
                f"({_LARGEST_SHARED} bytes)"
            )
        self._allow_shared(shared_mem_bytes)
        self._shared_limit = shared_mem_bytes

    def _check_shared(self, wanted: int) -> None:
        if wanted < _LARGE_SHARED or 0 < wanted <= self._shared_limit:
            return
        limit = self._shared_limit
        configured = f"only {limit} bytes configured" if limit else "not configured"
        raise RuntimeError(
            f"Kernel requires {wanted} bytes of shared memory (>= 48KB), but {configured}. Call "
            "kernel.set_shared_memory_config(shared_mem) after compilation and before launching "
            "the kernel."
        )

    def _launch(
        self, grid: list[int], block: list[int], args: list[Any], shared_mem: int, stream: Any
    ) -> None:
        raise NotImplementedError

    def _allow_shared(self, size: int) -> None:
        raise NotImplementedError

    def _number_of_arguments(self, expected: int, args: list[Any]) -> None:
        if len(args) != expected:
            raise TypeError(f"kernel {self.name!r} takes {expected} arguments, got {len(args)}")


def _dimensions(what: str, size: int | Sequence[int]) -> list[int]:
    given = [size] if isinstance(size, int) else list(size)
    if not 1 <= len(given) <= 3:
        raise ValueError(f"{what} has one to three dimensions, got {len(given)}")
    if not all(isinstance(n, int) and 0 <= n < 2**32 for n in given):
        raise ValueError(f"{what} is made of sizes, got {tuple(given)}")
    return given + [1] * (3 - len(given))


# ---- the emulator ----


class _EmulatedKernel(Kernel):
    def __init__(
        self, source: str, name: str, directories: list[str], options: list[str], debug: bool
    ):
        super().__init__(name)
        library = ctypes.CDLL(str(_build(source, name, directories, options, debug)))
        library.rushlight_raw_parameters.restype = ctypes.c_char_p
        library.rushlight_raw_error.restype = ctypes.c_char_p
        library.rushlight_raw_allow.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        library.rushlight_raw_launch.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
        self._library = library
        codes = library.rushlight_raw_parameters().decode().split()
        self._parameters = [_parameter(code) for code in codes]

    def _launch(
        self, grid: list[int], block: list[int], args: list[Any], shared_mem: int, stream: Any
    ) -> None:
        self._number_of_arguments(len(self._parameters), args)
        self._library.rushlight_raw_forget_tensors()
        values = []
        for index, (convert, value) in enumerate(zip(self._parameters, args, strict=True)):
            try:
                values.append(convert(value))
            except TypeError as error:
                message = f"kernel {self.name!r}, argument {index}: {error}"
                raise TypeError(message) from None
            if isinstance(value, Tensor):
                self._library.rushlight_raw_allow(value.data_ptr(), _extent(value))
        pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
        size = (ctypes.c_uint * 6)(*grid, *block)
        if self._library.rushlight_raw_launch(size, shared_mem, pointers):
            raise RuntimeError(self._library.rushlight_raw_error().decode(errors="replace"))

    def _allow_shared(self, size: int) -> None:
        self._library.rushlight_raw_allow_shared(size)


def _build(source: str, name: str, directories: list[str], options: list[str], debug: bool) -> Path:
    """Return the library with an emulated kernel."""
    from ..utils.cpp_extension import _errors
    from ..utils.cpp_extension._build import build
    from ..utils.cpp_extension._paths import extension_directory
    from ..utils.cpp_extension._recipe import Recipe, Source

    tail = f"#include <rushlight_emulator/raw.h>\nRUSHLIGHT_RAW_KERNEL({name})\n"
    text = f'#line 1 "kernel_source"\n{source}\n#line 1 "kernel_name"\n{tail}'
    flags = [*options, *(f"-I{directory}" for directory in directories)]
    recipe = Recipe(
        "kernel",
        [Source("kernel_source", "cuda", text, is_file=False)],
        extension_directory("compile_kernel", None),
        cuda_cflags=[*flags, "-DRUSHLIGHT_CUDA_CHECK"] if debug else flags,
        snippets={"kernel_source": source, "kernel_name": tail},
    )
    try:
        return build(recipe)
    except _errors.CompilerFailure as failure:
        raise _errors.build_error(name, failure, recipe.snippets, lambda output: None) from None


def _extent(tensor: Tensor) -> int:
    """Return the bytes from a tensor's first element to the end of its last."""
    if not tensor.numel():
        return 0
    last = sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
    return (last + 1) * tensor.element_size()


_INTEGERS = {
    "i1": ctypes.c_int8, "i2": ctypes.c_int16, "i4": ctypes.c_int32, "i8": ctypes.c_int64,
    "u1": ctypes.c_uint8, "u2": ctypes.c_uint16, "u4": ctypes.c_uint32, "u8": ctypes.c_uint64,
}  # fmt: skip
_FLOATS = {"f4": ctypes.c_float, "f8": ctypes.c_double}
_DTYPES = {
    "f4": ("float32",), "f8": ("float64",), "h2": ("float16",), "B2": ("bfloat16",),
    "b1": ("bool",),
    "i1": ("int8", "uint8"), "u1": ("uint8", "int8", "bool"), "i2": ("int16", "uint16"),
    "u2": ("uint16", "int16", "float16", "bfloat16"), "i4": ("int32", "uint32"),
    "u4": ("uint32", "int32"), "i8": ("int64", "uint64"), "u8": ("uint64", "int64"),
}  # fmt: skip


def _parameter(code: str) -> Callable[[Any], Any]:
    """Return what makes a C value of an argument, from the code of the parameter's type."""
    if code.startswith("p"):
        return lambda value: _pointer(value, _DTYPES.get(code[1:], ()))
    if code in _INTEGERS:
        return lambda value: _integer(value, _INTEGERS[code])
    if code in _FLOATS:
        return lambda value: _FLOATS[code](_number(value, (int, float), "a float"))
    if code == "b1":
        return lambda value: ctypes.c_bool(_number(value, (bool, int), "a bool"))
    return lambda value: _structure(value, int(code[1:]))


def _pointer(value: Any, dtypes: tuple[str, ...]) -> ctypes.c_void_p:
    if value is None:
        return ctypes.c_void_p(None)
    if not isinstance(value, Tensor):
        raise TypeError(f"expected a tensor for a pointer, got {type(value).__name__}")
    if value.is_cuda:
        raise TypeError("kernels run on the CPU here, got a tensor of the GPU")
    given = str(value.dtype).rpartition(".")[2]
    if dtypes and given not in dtypes:
        raise TypeError(f"expected a tensor of dtype {dtypes[0]}, got {given}")
    return ctypes.c_void_p(value.data_ptr())


def _number(value: Any, types: tuple[type, ...], what: str) -> Any:
    if isinstance(value, types) or (hasattr(value, "dtype") and value.ndim == 0):
        return value.item() if hasattr(value, "item") else value
    raise TypeError(f"expected {what}, got {type(value).__name__}")


def _integer(value: Any, kind: Callable[[int], Any]) -> Any:
    number = _number(value, (int,), "an int")
    if not isinstance(number, int):
        raise TypeError(f"expected an int, got {type(number).__name__}")
    result = kind(number)
    if result.value != number:
        raise TypeError(f"{number} does not fit into {kind.__name__[2:]}")
    return result


def _structure(value: Any, size: int) -> Any:
    if not isinstance(value, (bytes, bytearray)) or len(value) != size:
        raise TypeError(f"expected the {size} bytes of a structure, got {type(value).__name__}")
    return (ctypes.c_char * size).from_buffer_copy(value)


# ---- a GPU ----

_SCALARS = {
    "bool": "bool_", "char": "int8", "short": "int16", "int": "int32", "unsigned": "uint32",
    "unsigned int": "uint32", "long": "int64", "unsigned long": "uint64", "long long": "int64",
    "unsigned long long": "uint64", "size_t": "uint64", "int8_t": "int8", "uint8_t": "uint8",
    "int16_t": "int16", "uint16_t": "uint16", "int32_t": "int32", "uint32_t": "uint32",
    "int64_t": "int64", "uint64_t": "uint64", "float": "float32", "double": "float64",
}  # fmt: skip


class _DeviceKernel(Kernel):
    def __init__(self, source: str, name: str, directories: list[str], options: list[str]):
        from ..backend.cuda import require_cupy

        super().__init__(name)
        flags = (*options, *(f"-I{directory}" for directory in directories))
        is_template = "<" in name or "::" in name
        if not is_template and not re.search(r'extern\s*"C"', source):
            source = f'extern "C" {{\n#line 1\n{source}\n}}'
        module = require_cupy().RawModule(
            code=source, options=flags, name_expressions=[name] if is_template else None
        )
        self._function = module.get_function(name)
        self._types = _scalar_types(source, name)

    def _launch(
        self, grid: list[int], block: list[int], args: list[Any], shared_mem: int, stream: Any
    ) -> None:
        import contextlib

        if self._types:
            self._number_of_arguments(len(self._types), args)
        types = self._types or [None] * len(args)
        values = [_device_value(value, kind) for value, kind in zip(args, types, strict=True)]
        with stream if stream is not None else contextlib.nullcontext():
            self._function(tuple(grid), tuple(block), tuple(values), shared_mem=shared_mem)

    def _allow_shared(self, size: int) -> None:
        self._function.max_dynamic_shared_size_bytes = size


def _scalar_types(source: str, name: str) -> list[str | None]:
    """Return the NumPy types of a kernel's parameters, None where they are no plain numbers."""
    base = name.partition("<")[0].rpartition("::")[2]
    found = re.search(rf"__global__[^;{{]*?\b{re.escape(base)}\s*\(([^)]*)\)", source)
    if found is None or not found[1].strip():
        return []
    types = []
    for parameter in re.sub(r"<[^<>]*>", "", found[1]).split(","):
        words = re.sub(r"\bconst\b|\b\w+\s*$", " ", parameter.strip()).split()
        types.append(_SCALARS.get(" ".join(words)))
    return types


def _device_value(value: Any, kind: str | None) -> Any:
    import numpy as np

    if isinstance(value, Tensor):
        if not value.is_cuda:
            raise ValueError("All tensor arguments must be CUDA tensors or pinned CPU tensors")
        return value.array
    if value is None:
        return np.uintp(0)
    if isinstance(value, (bool, int, float)):
        default = "int32" if isinstance(value, int) else "float64"
        return np.dtype(kind or default).type(value)
    raise TypeError(f"Unsupported argument type: {type(value)}")
