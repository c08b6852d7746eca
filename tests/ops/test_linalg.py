"""Linear algebra beyond single cases: factors multiply back, gradients that no sign can change."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight as rl
from rushlight.autograd import gradcheck, gradgradcheck

SHAPES = [(4, 4), (5, 3), (3, 5), (2, 4, 3)]


def _draw(*shape, complex_=False, seed=0, grad=False):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape)
    if complex_:
        values = values + 1j * rng.standard_normal(shape)
    return rl.tensor(values, requires_grad=grad)


def _positive(x):
    return x @ x.mH + rl.eye(x.shape[-1], dtype=x.dtype)


def _close(a, b, atol=1e-9):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-9, atol=atol)


@pytest.mark.parametrize("complex_", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_factors_multiply_back(shape, complex_):
    a = _draw(*shape, complex_=complex_)
    u, s, vh = rl.linalg.svd(a, full_matrices=False)
    _close((u * s.unsqueeze(-2)) @ vh, a)
    full_u, _, full_vh = rl.linalg.svd(a)
    _close(full_u @ full_u.mH, rl.eye(shape[-2], dtype=a.dtype).expand_as(full_u))
    _close(full_vh @ full_vh.mH, rl.eye(shape[-1], dtype=a.dtype).expand_as(full_vh))
    for mode in ("reduced", "complete"):
        q, r = rl.linalg.qr(a, mode)
        _close(q @ r, a)
    p, lower, upper = rl.linalg.lu(a)
    _close(p.to(a.dtype) @ lower @ upper, a)
    packed, tau = rl.geqrf(a)
    if shape[-2] >= shape[-1]:
        _close(rl.linalg.householder_product(packed, tau) @ rl.triu(packed)[..., : shape[-1], :], a)


@pytest.mark.parametrize("complex_", [False, True])
def test_square_factors_multiply_back(complex_):
    a = _draw(2, 4, 4, complex_=complex_)
    values, vectors = rl.linalg.eig(a)
    _close(vectors * values.unsqueeze(-2), a.to(rl.complex128) @ vectors)
    positive = _positive(a)
    low = rl.linalg.cholesky(positive)
    _close(low @ low.mH, positive)
    _close(rl.linalg.cholesky(positive, upper=True), low.mH)
    _close(rl.cholesky_inverse(low), rl.linalg.inv(positive))
    values, vectors = rl.linalg.eigh(positive)
    _close((vectors * values.unsqueeze(-2).to(a.dtype)) @ vectors.mH, positive)


@pytest.mark.parametrize("hermitian", [False, True])
@pytest.mark.parametrize("complex_", [False, True])
def test_factors_of_indefinite_matrices_solve(complex_, hermitian):
    for seed in range(20):
        a = _draw(2, 6, 6, complex_=complex_, seed=seed)
        a = a + (a.mH if hermitian else a.mT)
        a = a - rl.diag_embed(rl.diagonal(a, dim1=-2, dim2=-1))  # asks for blocks of two rows
        packed, pivots, info = rl.linalg.ldl_factor_ex(a, hermitian=hermitian)
        assert (pivots < 0).any()
        assert not info.any()
        b = _draw(6, 2, complex_=complex_, seed=seed + 1)
        x = rl.linalg.ldl_solve(packed, pivots, b, hermitian=hermitian)
        _close(a @ x, b.expand(2, 6, 2), atol=1e-8)


def test_pivots_of_indefinite_matrices_are_lapacks():
    a = rl.tensor([[0.0, 1, 2], [1, 0, 3], [2, 3, 0]])
    packed, pivots = rl.linalg.ldl_factor(a)
    assert pivots.tolist() == [-3, -3, 3]
    assert packed.tolist() == [[0, 0, 0], [2, 0, 0], [1.5, 0.5, -3]]
    assert rl.linalg.ldl_factor_ex(rl.zeros(2, 2))[2] == 1
    with pytest.raises(RuntimeError, match="is zero"):
        rl.linalg.ldl_factor(rl.zeros(2, 2))


def test_elimination_in_blocks_is_elimination():
    a = _draw(70, 70)
    p, lower, upper = rl.linalg.lu(a)
    _close(p @ lower @ upper, a, atol=1e-11)
    b = _draw(70, 2, seed=1)
    _close(rl.lu_solve(b, *rl.linalg.lu_factor(a)), rl.linalg.solve(a, b), atol=1e-8)


GAUGE_FREE = {
    "cholesky": lambda a: rl.linalg.cholesky(_positive(a)),
    "cholesky upper": lambda a: rl.linalg.cholesky(_positive(a), upper=True),
    "cholesky_solve": lambda a: rl.cholesky_solve(a, a.tril() + 3 * rl.eye(3, dtype=a.dtype)),
    "cholesky_inverse": lambda a: rl.cholesky_inverse(a.tril() + 3 * rl.eye(3, dtype=a.dtype)),
    "eigvalsh": lambda a: rl.linalg.eigvalsh(a + a.mH),
    "eigh": lambda a: _projectors(rl.linalg.eigh(a + a.mH)[1]),
    "eigvals": lambda a: rl.linalg.eigvals(a),
    "eig": lambda a: rl.linalg.eig(a)[1].abs(),
    "svdvals": lambda a: rl.linalg.svdvals(a),
    "svd": lambda a: _pairs(*rl.linalg.svd(a)),
    "nuclear norm": lambda a: rl.linalg.matrix_norm(a, "nuc"),
    "cond": lambda a: rl.linalg.cond(a),
    "pinv": lambda a: rl.linalg.pinv(a),
    "hermitian pinv": lambda a: rl.linalg.pinv(a + a.mH, hermitian=True),
    "det": lambda a: rl.linalg.det(a),
    "logabsdet": lambda a: rl.linalg.slogdet(a).logabsdet,
    "inv": lambda a: rl.linalg.inv(a),
    "matrix_exp": lambda a: rl.linalg.matrix_exp(a),
    "qr": lambda a: rl.linalg.qr(a)[0].abs(),
    "lu": lambda a: rl.linalg.lu(a)[2],
}


def _projectors(vectors):
    """Products of each vector with itself: no sign or phase is left."""
    columns = vectors.mT.unsqueeze(-1)
    return columns * columns.mH


def _pairs(u, s, vh):
    return u.mT.unsqueeze(-1) * vh.unsqueeze(-2)


@pytest.mark.parametrize("complex_", [False, True])
@pytest.mark.parametrize("name", GAUGE_FREE)
def test_gradient(name, complex_):
    a = _draw(3, 3, complex_=complex_, grad=True, seed=2)
    assert gradcheck(GAUGE_FREE[name], (a,))
    assert gradgradcheck(GAUGE_FREE[name], (a,))


@pytest.mark.parametrize("shape", [(4, 2), (2, 4)])
@pytest.mark.parametrize("name", ["svd", "pinv", "qr", "lu"])
def test_gradient_of_other_shapes(name, shape):
    function = GAUGE_FREE[name]
    if name == "svd":

        def function(a):
            return _pairs(*rl.linalg.svd(a, full_matrices=False))

    assert gradcheck(function, (_draw(*shape, grad=True, seed=4),))


def test_gradient_of_the_determinant_of_a_singular_matrix():
    a = rl.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=rl.float64, requires_grad=True)
    rl.linalg.det(a).backward()
    np.testing.assert_allclose(a.grad.numpy(), [[4, -2], [-2, 1]], atol=1e-12)


def test_a_full_factor_has_no_gradient():
    a = _draw(4, 2, grad=True)
    with pytest.raises(RuntimeError, match="mode='complete'"):
        rl.linalg.qr(a, "complete")[0].sum().backward()
    with pytest.raises(RuntimeError, match="mode='r'"):
        rl.linalg.qr(a, "r")[1].sum().backward()


# --- failures ---

SINGULAR = [[1.0, 2.0], [2.0, 4.0]]


def test_singular_matrices_are_named():
    batch = rl.tensor([[[1.0, 0.0], [0.0, 1.0]], SINGULAR])
    with pytest.raises(rl.linalg.LinAlgError, match=r"\(Batch element 1\): The diagonal element 2"):
        rl.linalg.inv(batch)
    with pytest.raises(rl.linalg.LinAlgError, match="singular"):
        rl.linalg.solve(batch, rl.ones(2, 2, 1))
    with pytest.raises(rl.linalg.LinAlgError, match="leading minor of order 1"):
        rl.linalg.cholesky(-batch)
    with pytest.raises(RuntimeError, match=r"U\[2,2\] is zero"):
        rl.linalg.lu_factor(rl.tensor(SINGULAR))
    assert issubclass(rl.linalg.LinAlgError, RuntimeError)


def test_info_tells_of_failures_without_raising():
    batch = rl.tensor([[[1.0, 0.0], [0.0, 1.0]], SINGULAR])
    inverse, info = rl.linalg.inv_ex(batch)
    assert info.tolist() == [0, 2]
    assert info.dtype is rl.int32
    assert inverse[0].tolist() == [[1, 0], [0, 1]]
    assert rl.linalg.solve_ex(batch, rl.ones(2, 2, 1)).info.tolist() == [0, 2]
    indefinite = rl.tensor([[1.0, 2.0], [2.0, 1.0]])
    assert rl.linalg.cholesky_ex(indefinite).info.item() == 2
    with pytest.raises(rl.linalg.LinAlgError):
        rl.linalg.cholesky_ex(indefinite, check_errors=True)


def test_a_zero_on_a_triangles_diagonal_gives_infinity():
    a = rl.tensor([[1.0, 2.0], [0.0, 0.0]])
    x = rl.linalg.solve_triangular(a, rl.ones(2, 1), upper=True)
    assert np.isinf(x.numpy()).all()


def test_values_that_are_not_finite_are_refused():
    bad = rl.full((2, 2), float("nan"))
    with pytest.raises(rl.linalg.LinAlgError, match="non-finite"):
        rl.linalg.svd(bad)
    with pytest.raises(RuntimeError, match="infs or NaNs"):
        rl.linalg.eig(bad)


@pytest.mark.parametrize("dtype", ["int64", "float16", "bfloat16"])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(RuntimeError, match=r"linalg\.inv: (Expected a floating|Low precision)"):
        rl.linalg.inv(rl.ones(2, 2, dtype=getattr(rl, dtype)))


# --- the rest ---


def test_results_have_names_and_out_is_written():
    a = _positive(_draw(3, 3))
    result = rl.linalg.eigh(a, UPLO="u")
    assert type(result).__name__ == "linalg_eigh"
    assert result.eigenvalues is result[0]
    u, s, vh = (rl.empty(0, dtype=rl.float64) for _ in range(3))
    written = rl.linalg.svd(a, out=(u, s, vh))
    assert written.S is s
    assert s.shape == (3,)
    assert rl.svd(a).V.shape == (3, 3)


def test_empty_matrices():
    empty = rl.zeros(0, 0)
    assert rl.linalg.det(empty).item() == 1
    assert rl.linalg.inv(rl.zeros(2, 0, 0)).shape == (2, 0, 0)
    assert rl.linalg.svdvals(rl.zeros(0, 3)).shape == (0,)
    assert rl.linalg.lu(rl.zeros(3, 0)).L.shape == (3, 0)


def test_norm_takes_nuc_and_chain_matmul_multiplies():
    a = rl.tensor([[3.0, 0.0], [0.0, 4.0]])
    assert rl.norm(a, "nuc").item() == pytest.approx(7)
    assert rl.chain_matmul(a, a, a).tolist() == [[27, 0], [0, 64]]


def test_least_squares_fill_what_the_driver_says():
    a, b = _draw(5, 3), _draw(5, 2, seed=1)
    expected, residuals, rank, s = np.linalg.lstsq(a.numpy(), b.numpy(), rcond=None)
    result = rl.linalg.lstsq(a, b, driver="gelsd")
    _close(result.solution, rl.tensor(expected))
    _close(result.residuals, rl.tensor(residuals))
    _close(result.singular_values, rl.tensor(s))
    assert result.rank.item() == rank
    plain = rl.linalg.lstsq(a, b)
    assert plain.residuals.numel() == plain.singular_values.numel() == 0
    assert rl.linalg.lstsq(a, b, driver="gels").rank.numel() == 0


def test_low_rank_factors_of_a_low_rank_matrix():
    a = _draw(6, 2) @ _draw(2, 5, seed=1)
    u, s, v = rl.svd_lowrank(a, q=3)
    _close((u * s) @ v.mT, a)
    centred = a - a.mean(0)
    u, s, v = rl.pca_lowrank(a, q=2)
    _close((u * s) @ v.mT, centred)
    with pytest.raises(ValueError, match="not greater than"):
        rl.pca_lowrank(a, q=7)


def test_waiting_methods_are_there_after_the_first_use():
    for name in ("det", "cov", "qr", "lu", "stft", "renorm_"):
        assert callable(getattr(rl.Tensor, name))
        assert not isinstance(vars(rl.Tensor)[name], rl.ops._waiting.Waiting)
