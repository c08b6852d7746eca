"""Headers that a source relies on without including them.

torch's headers bring most of the standard library along, so published sources use `std::cout` or
`std::sort` without a word. Ours do not, as reading them all takes longer than compiling a short
source. A source gets those whose names it mentions.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

from rushlight.utils.cpp_extension import _cache, _paths, _precompiled
from rushlight.utils.cpp_extension._cuda_include import included_files

# Names of the standard library by the header that has them, less those our headers include.
_STANDARD = {
    "algorithm": "sort stable_sort partial_sort nth_element is_sorted find find_if find_if_not "
    "find_first_of adjacent_find search count count_if transform reverse rotate shuffle unique "
    "unique_copy replace replace_if remove remove_if copy_if copy_n reverse_copy for_each "
    "for_each_n generate generate_n lower_bound upper_bound equal_range binary_search merge "
    "inplace_merge max_element min_element minmax_element minmax clamp all_of any_of none_of "
    "partition stable_partition set_intersection set_union set_difference includes push_heap "
    "pop_heap make_heap sort_heap next_permutation prev_permutation mismatch sample ranges",
    "any": "any any_cast make_any",
    "atomic": "atomic atomic_flag memory_order memory_order_relaxed memory_order_acquire "
    "memory_order_release memory_order_seq_cst atomic_thread_fence atomic_fetch_add",
    "bitset": "bitset",
    "chrono": "chrono",
    "complex": "complex polar conj norm arg real imag",
    "condition_variable": "condition_variable",
    "ctime": "time clock time_t clock_t localtime strftime",
    "deque": "deque",
    "filesystem": "filesystem",
    "fstream": "ifstream ofstream fstream",
    "functional": "function bind hash plus minus multiplies divides less greater less_equal "
    "greater_equal equal_to logical_and ref cref reference_wrapper placeholders mem_fn invoke "
    "negate",
    "future": "async future promise launch packaged_task",
    "iomanip": "setw setprecision setfill put_time quoted",
    "iostream": "cout cerr clog cin endl flush ostream istream fixed scientific hex dec boolalpha",
    "iterator": "back_inserter inserter distance next prev advance istream_iterator "
    "ostream_iterator make_move_iterator reverse_iterator",
    "list": "list",
    "map": "map multimap",
    "memory": "unique_ptr shared_ptr weak_ptr make_unique make_shared enable_shared_from_this "
    "addressof static_pointer_cast dynamic_pointer_cast align default_delete allocator",
    "mutex": "mutex recursive_mutex lock_guard unique_lock scoped_lock once_flag call_once lock",
    "numeric": "accumulate iota inner_product partial_sum adjacent_difference gcd lcm reduce "
    "exclusive_scan inclusive_scan transform_reduce midpoint",
    "queue": "queue priority_queue",
    "random": "mt19937 mt19937_64 random_device default_random_engine minstd_rand "
    "uniform_real_distribution uniform_int_distribution normal_distribution bernoulli_distribution "
    "poisson_distribution exponential_distribution discrete_distribution",
    "set": "set multiset",
    "shared_mutex": "shared_mutex shared_lock",
    "sstream": "stringstream ostringstream istringstream stringbuf",
    "stack": "stack",
    "thread": "thread this_thread",
    "typeindex": "type_index",
    "typeinfo": "type_info",
    "unordered_map": "unordered_map unordered_multimap",
    "unordered_set": "unordered_set unordered_multiset",
    "variant": "variant visit holds_alternative monostate get_if",
}  # fmt: skip
# Names outside of `std`.
_GLOBAL = {"cfloat": "FLT_MAX FLT_MIN FLT_EPSILON FLT_DIG DBL_MAX DBL_MIN DBL_EPSILON DBL_DIG"}
# Parts of our headers that few sources want.
_OURS = {
    "rushlight/nn_options.h": re.compile(
        r"\b\w+FuncOptions\b|\b(?:F|functional)::(?:interpolate|pad|normalize|grid_sample)\b"
        r"|\btorch::k(?:None|Mean|Sum|BatchMean|Reflect|Replicate|Nearest|Bilinear|Bicubic)\b"
    ),
    "rushlight/generator.h": re.compile(r"\b(?:at|torch)::Generator\b"),
    "rushlight/namespaces.h": re.compile(r"\btorch::(?:linalg|fft|special)\b"),
    "rushlight/lists.h": re.compile(r"\b(?:c10|torch|at)::(?:List|Dict)\b"),
    "rushlight/tensor_args.h": re.compile(r"\b(?:TensorArg|TensorGeometryArg|CheckedFrom)\b"),
}

# torch has a header for each operator; ours are written when a source asks for them.
_OPERATOR = re.compile(r"#\s*include\s*[<\"]ATen/ops/(\w+)\.h[>\"]")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_QUALIFIED = re.compile(r"\bstd\s*::\s*(\w+)")
_USING = re.compile(r"\busing\s+namespace\s+std\s*;")
_WORD = re.compile(r"\b[A-Za-z]\w*")
_TORCH = re.compile(r'#\s*include\s*[<"](?:torch|ATen|c10|pybind11)/')


def flags(text: str, path: str, directories: Sequence[str]) -> list[str]:
    """Return the compiler's flags that include what a source takes for granted.

    Args:
        text: the source.
        path: its file, or a name.
        directories: where its `#include` looks, besides the directory of the file.
    """
    whole = "\n".join([text, *included_files(text, path, directories)])
    headers = sorted(set(_headers(whole))) if _TORCH.search(whole) else []
    if headers and _precompiled.is_wanted(text):
        headers.insert(0, _precompiled.HEADER)  # a precompiled header is used if it is the first
    found = [word for header in headers for word in ("-include", header)]
    operators = sorted(set(_OPERATOR.findall(whole)))
    return [*found, *(("-isystem", _operator_headers(operators)) if operators else ())]


def _operator_headers(names: Sequence[str]) -> str:
    """Return a directory with headers `ATen/ops/<name>.h`, each of which has all operators."""
    directory = _cache.writable_directory(_paths.extension_directory("headers", None))
    folder = directory / "ATen" / "ops"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = folder / f"{name}.h"
        if not path.exists():
            path.write_text("#pragma once\n#include <rushlight/torch.h>\n")
    return str(directory)


def _headers(text: str) -> Iterator[str]:
    for header, pattern in _OURS.items():
        if pattern.search(text):
            yield header
    text = _COMMENT.sub(" ", text)
    words = set(_WORD.findall(text))
    names = words if _USING.search(text) else set(_QUALIFIED.findall(text))
    for table, found in ((_standard(), names), (_global(), words)):
        yield from (table[name] for name in found & table.keys())


@functools.cache
def _standard() -> dict[str, str]:
    return {name: header for header, names in _STANDARD.items() for name in names.split()}


@functools.cache
def _global() -> dict[str, str]:
    return {name: header for header, names in _GLOBAL.items() for name in names.split()}
