"""Functions of PyTorch's lower level and methods on single elements, beside torch's answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rushlight


def plain(value: Any) -> Any:
    """What can be compared: nested lists, with dtypes as text."""
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return str(value.dtype), list(value.shape), value.tolist()
    return value


X = [[1.0, 2.0, -3.0], [4.0, 0.0, 6.0]]

SAME = {
    "alias_copy": lambda M, x: M.alias_copy(x),
    "as_strided_copy": lambda M, x: M.as_strided_copy(x, (2, 2), (1, 2)),
    "detach_copy": lambda M, x: M.detach_copy(x),
    "diagonal_copy": lambda M, x: M.diagonal_copy(x, 1),
    "expand_copy": lambda M, x: M.expand_copy(x, (2, 2, 3)),
    "narrow_copy": lambda M, x: (M.narrow_copy(x, 1, 0, 2), x.narrow_copy(0, 1, 1)),
    "permute_copy": lambda M, x: M.permute_copy(x, (1, 0)),
    "select_copy": lambda M, x: M.select_copy(x, 1, 2),
    "slice_copy": lambda M, x: (M.slice_copy(x, 1, 0, 3, 2), M.slice_copy(x)),
    "split_with_sizes_copy": lambda M, x: M.split_with_sizes_copy(x, [1, 2], 1),
    "squeeze_copy": lambda M, x: (M.squeeze_copy(x[:1]), M.squeeze_copy(x[:1], 0)),
    "t_copy": lambda M, x: M.t_copy(x),
    "transpose_copy": lambda M, x: M.transpose_copy(x, 0, 1),
    "unbind_copy": lambda M, x: (M.unbind_copy(x), M.unbind_copy(x, 1)),
    "unfold_copy": lambda M, x: M.unfold_copy(x, 1, 2, 1),
    "unsqueeze_copy": lambda M, x: M.unsqueeze_copy(x, 1),
    "view_copy": lambda M, x: M.view_copy(x, (3, 2)),
    "view_as_real_copy": lambda M, x: M.view_as_real_copy(M.complex(x, x)),
    "view_as_complex_copy": lambda M, x: M.view_as_complex_copy(x[:, :2].contiguous()),
    "unsafe_chunk": lambda M, x: (M.unsafe_chunk(x, 2), x.unsafe_chunk(2, 1)),
    "unsafe_split": lambda M, x: M.unsafe_split(x, 2, 1),
    "unsafe_split_with_sizes": lambda M, x: M.unsafe_split_with_sizes(x, [2, 1], 1),
    "native_channel_shuffle": lambda M, x: M.native_channel_shuffle(x.reshape(1, 6, 1, 1), 3),
    "dropout_": lambda M, x: (M.dropout_(x, 0.5, True), x),
    "alpha_dropout_": lambda M, x: (M.alpha_dropout_(x, 0.5, False), x),
    "feature_alpha_dropout_": lambda M, x: (M.feature_alpha_dropout_(x, 0.5, False), x),
    "native_dropout": lambda M, x: M.native_dropout(x, 0.5, True),
    "native_dropout off": lambda M, x: M.native_dropout(x, 0.5, False),
    "embedding_renorm_": lambda M, x: (M.embedding_renorm_(x, M.tensor([1, 1]), 2.0, 2.0), x),
    "constant_pad_nd": lambda M, x: M.constant_pad_nd(x, (1, 0, 0, 1), 7.0),
    "norm_except_dim": lambda M, x: [M.norm_except_dim(x, 2, d) for d in (0, 1, -1)],
    "frobenius_norm": lambda M, x: M.frobenius_norm(x, (0, 1), True),
    "nuclear_norm": lambda M, x: (M.nuclear_norm(x), M.nuclear_norm(x, (0, 1), True)),
    "empty_permuted": lambda M, x: M.empty_permuted((2, 3, 5, 7), (0, 2, 3, 1)).stride(),
    "nonzero_static": lambda M, x: [M.nonzero_static(x, size=n) for n in (1, 5, 7)],
    "nonzero_static fill": lambda M, x: x.nonzero_static(size=6, fill_value=9),
    "hash_tensor": lambda M, x: (M.hash_tensor(x), x.hash_tensor(0, keepdim=True)),
    "hash_tensor integers": lambda M, x: M.hash_tensor(M.tensor([3, -5, 6])),
    "sym": lambda M, x: (
        M.sym_int(-2.5), M.sym_float(2), M.sym_not(True), M.sym_max(1, 2.0), M.sym_min(3, 2),
        M.sym_sum([1, 2, 3]), M.sym_ite(True, 1, 2),
    ),
    "apply_": lambda M, x: (x.apply_(lambda v: v + 1), x),
    "map_": lambda M, x: x.map_(M.tensor([1.0, 2, 3]), lambda a, b: a * b),
    "map2_": lambda M, x: x.map2_(x.clone(), x.clone(), lambda a, b, c: a + b + c),
    "fill_diagonal_": lambda M, x: x.fill_diagonal_(5),
    "fill_diagonal_ wrap": lambda M, x: M.zeros(7, 3).fill_diagonal_(5, wrap=True),
    "fill_diagonal_ cube": lambda M, x: M.zeros(3, 3, 3).fill_diagonal_(1),
    "dim_order": lambda M, x: (
        x.dim_order(), x.T.dim_order(), M.empty(2, 3, 5, 7).transpose(1, 2).dim_order(),
        M.empty((2, 3, 5, 7), memory_format=M.channels_last).dim_order(),
        M.empty(1, 2, 3, 4).dim_order(ambiguity_check=[M.contiguous_format, M.channels_last]),
    ),
    "resize": lambda M, x: (x.is_mps, x.is_xpu, x.name),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:at::")
@pytest.mark.parametrize("case", SAME)
def test_answers_are_torchs(torch: Any, case: str) -> None:
    answers = []
    for library in (rushlight, torch):
        library.manual_seed(0)
        answers.append(plain(SAME[case](library, library.tensor(X))))
    np.testing.assert_equal(_rounded(answers[0]), _rounded(answers[1]))


def _rounded(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_rounded(v) for v in value]
    return round(value, 5) if isinstance(value, float) else value


REFUSED = {
    "apply_": lambda M: M.ones(2, requires_grad=True).apply_(abs),
    "fill_diagonal_ vector": lambda M: M.zeros(3).fill_diagonal_(1),
    "fill_diagonal_ box": lambda M: M.zeros(2, 3, 2).fill_diagonal_(1),
    "dim_order": lambda M: M.empty(1, 2, 3, 4).dim_order(ambiguity_check=True),
    "dim_order wrong": lambda M: M.empty(1, 2).dim_order(ambiguity_check="ILLEGAL"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_errors_are_torchs(torch: Any, case: str) -> None:
    words = []
    for library in (rushlight, torch):
        with pytest.raises((RuntimeError, TypeError)) as caught:
            REFUSED[case](library)
        words.append((caught.type, str(caught.value)))
    assert words[0] == words[1]


def test_copies_share_no_memory_and_have_gradients() -> None:
    x = rushlight.ones(2, 3, requires_grad=True)
    y = rushlight.permute_copy(x, (1, 0))
    assert y.data_ptr() != x.data_ptr()
    (y * rushlight.arange(6.0).reshape(3, 2)).sum().backward()
    assert x.grad.tolist() == [[0, 2, 4], [1, 3, 5]]


def test_removed_methods_name_their_successors() -> None:
    for name in ("eig", "symeig", "lstsq", "solve"):
        with pytest.raises(RuntimeError, match="now removed"):
            getattr(rushlight.eye(2), name)()


def test_files_as_memory(tmp_path: Path) -> None:
    path = str(tmp_path / "numbers")
    x = rushlight.from_file(path, shared=True, size=4)
    x.copy_(rushlight.arange(4.0))
    again = rushlight.from_file(path, shared=False, size=3)
    assert again.tolist() == [0, 1, 2]
    again.zero_()
    assert np.fromfile(path, np.float32).tolist() == [0, 1, 2, 3]
