"""autocast gives each operator the dtype that PyTorch's gives it on a CPU."""

from __future__ import annotations

import threading

import pytest

import rushlight


class World:
    def __init__(self, T):
        self.T, self.F, self.nn = T, T.nn.functional, T.nn
        T.manual_seed(0)
        self.a, self.b = T.randn(4, 6), T.randn(6, 4)
        self.images = T.randn(2, 3, 8, 8)
        self.low, self.low_images = self.a.to(T.bfloat16), self.images.to(T.bfloat16)
        self.low_b = self.b.to(T.bfloat16)
        self.targets, self.p = T.tensor([0, 1, 2, 3]), T.rand(4, 6)


CASES = {
    "matmul": lambda m: m.a @ m.b,
    "matmul of two dtypes": lambda m: m.low @ m.b,
    "matmul of doubles": lambda m: m.a.double() @ m.b.double(),
    "add": lambda m: m.low + m.a,
    "mul": lambda m: m.low * 2,
    "bmm": lambda m: m.T.bmm(m.a[None], m.low_b[None]),
    "addmm": lambda m: m.T.addmm(m.T.zeros(4, 4), m.a, m.b),
    "baddbmm": lambda m: m.T.baddbmm(m.T.zeros(1, 4, 4), m.a[None], m.b[None]),
    "linear": lambda m: m.F.linear(m.low, m.T.ones(3, 6), m.T.ones(3)),
    "conv": lambda m: m.F.conv2d(m.low_images, m.T.ones(5, 3, 3, 3), m.T.ones(5)),
    "conv_transpose": lambda m: m.F.conv_transpose2d(m.images, m.T.ones(3, 2, 3, 3)),
    "exp": lambda m: m.low.exp(),
    "sum": lambda m: m.low.sum(),
    "softmax": lambda m: m.F.softmax(m.low, -1),
    "layer_norm": lambda m: m.F.layer_norm(m.low, (6,), m.T.ones(6), m.T.zeros(6)),
    "batch_norm": lambda m: m.F.batch_norm(
        m.low_images, None, None, m.T.ones(3), m.T.zeros(3), True
    ),
    "group_norm": lambda m: m.F.group_norm(m.low_images, 3, m.T.ones(3), m.T.zeros(3)),
    "cross_entropy": lambda m: m.F.cross_entropy(m.low, m.targets),
    "nll_loss": lambda m: m.F.nll_loss(m.low, m.targets),
    "mse_loss": lambda m: m.F.mse_loss(m.low, m.low),
    "l1_loss": lambda m: m.F.l1_loss(m.low, m.low),
    "huber_loss": lambda m: m.F.huber_loss(m.low, m.low),
    "kl_div": lambda m: m.F.kl_div(m.low, m.p.to(m.T.bfloat16), reduction="batchmean"),
    "bce": lambda m: m.F.binary_cross_entropy_with_logits(m.low, m.p.to(m.T.bfloat16)),
    "cat": lambda m: m.T.cat([m.a, m.low]),
    "stack": lambda m: m.T.stack([m.a, m.low]),
    "max_pool": lambda m: m.F.max_pool2d(m.low_images, 2),
    "attention": lambda m: m.F.scaled_dot_product_attention(m.a[None], m.a[None], m.low[None]),
    "prod": lambda m: m.low.prod(),
    "embedding": lambda m: m.F.embedding(m.targets, m.a),
    "einsum": lambda m: m.T.einsum("ij,jk->ik", m.a, m.b),
    "transformer": lambda m: m.nn.TransformerEncoderLayer(6, 2, 8)(m.a[None]),
    "gru": lambda m: m.nn.GRU(6, 3)(m.a[None])[0],
    "prelu": lambda m: m.F.prelu(m.a, m.T.ones(1)),
    "grid_sample": lambda m: m.F.grid_sample(
        m.low_images, m.T.zeros(2, 2, 2, 2), align_corners=False
    ),
}

EXPECTED = {
    name: "float32" if name in {
        "add", "cross_entropy", "nll_loss", "mse_loss", "l1_loss", "huber_loss", "kl_div", "bce",
        "cat", "stack", "prod", "embedding", "gru", "grid_sample",
    } else "float64" if name == "matmul of doubles" else "bfloat16"
    for name in CASES
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch about nested tensors
@pytest.mark.parametrize("name", CASES)
def test_dtypes(name, T):
    m = World(T)
    with T.autocast("cpu"):
        result = CASES[name](m)
    if name == "transformer":
        assert result.dtype in (T.bfloat16, T.float32)
    else:
        assert result.dtype is getattr(T, EXPECTED[name])


def test_gradients_arrive_in_the_parameters_dtype(T):
    layer = T.nn.Linear(6, 2)
    with T.autocast("cpu"):
        loss = layer(T.ones(4, 6)).float().pow(2).mean()
    loss.backward()
    assert layer.weight.grad.dtype is T.float32
    assert layer.weight.grad.abs().sum() > 0


def test_a_parameter_is_cast_once_in_a_context():
    casts = []

    def count(op, inputs, params, proceed):
        casts.append(op.__name__)
        return proceed(op, inputs, params)

    layer, x = rushlight.nn.Linear(3, 3), rushlight.ones(1, 3)
    rushlight.autograd.interception.add_interceptor(count)
    try:
        with rushlight.autocast("cpu"):
            layer(layer(layer(x)))
    finally:
        rushlight.autograd.interception.remove_interceptor(count)
    assert casts.count("Cast") == 3  # x, weight, bias


def test_a_parameter_that_changed_is_cast_again(T):
    layer, x = T.nn.Linear(1, 1, bias=False), T.ones(1, 1)
    with T.no_grad():
        layer.weight.fill_(1)
    with T.autocast("cpu"):
        assert layer(x).item() == 1.0
        T.clear_autocast_cache()
        with T.no_grad():
            layer.weight.fill_(2)
        assert layer(x).item() == 2.0


def test_contexts_nest_and_decorate(T):
    a = T.ones(2, 2)
    with T.autocast("cpu"):
        assert T.is_autocast_enabled("cpu")
        assert T.get_autocast_dtype("cpu") is T.bfloat16
        with T.autocast("cpu", enabled=False):
            assert (a @ a).dtype is T.float32
        with T.autocast("cpu", dtype=T.float16):
            assert (a @ a).dtype is T.float16
        assert (a @ a).dtype is T.bfloat16
    assert not T.is_autocast_enabled("cpu")

    @T.autocast("cpu")
    def product():
        return a @ a

    assert product().dtype is T.bfloat16
    assert (a @ a).dtype is T.float32


def test_other_threads_are_left_alone():
    seen = []
    a = rushlight.ones(2, 2)
    with rushlight.autocast("cpu"):
        thread = threading.Thread(target=lambda: seen.append((a @ a).dtype))
        thread.start()
        thread.join()
    assert seen == [rushlight.float32]
    assert rushlight.autograd.interception.interceptors == ()


def test_mistakes_are_told(T):
    with pytest.raises(RuntimeError, match="tpu"):
        T.autocast("tpu")
    with pytest.raises(ValueError, match="`str`"):
        T.autocast(3)
    with pytest.warns(UserWarning, match="target dtype is not supported"):
        context = T.autocast("cpu", dtype=T.float64)
    with context:
        assert (T.ones(2, 2) @ T.ones(2, 2)).dtype is T.float32


def test_functions_of_the_user_choose_their_dtype(T):
    amp = T.amp

    class Product(T.autograd.Function):
        @staticmethod
        @amp.custom_fwd(device_type="cpu", cast_inputs=T.float32)
        def forward(ctx, a):
            ctx.save_for_backward(a)
            return a @ a

        @staticmethod
        @amp.custom_bwd(device_type="cpu")
        def backward(ctx, g):
            (a,) = ctx.saved_tensors
            assert not T.is_autocast_enabled("cpu")
            return g @ a.T + a.T @ g

    a = T.ones(2, 2, dtype=T.bfloat16, requires_grad=True)
    with T.autocast("cpu"):
        y = Product.apply(a)
    assert y.dtype is T.float32
    y.sum().backward()
    assert a.grad.tolist() == [[4.0, 4.0], [4.0, 4.0]]


def test_a_net_learns_as_with_pytorch(torch):
    def losses(T):
        T.manual_seed(0)
        net = T.nn.Sequential(T.nn.Linear(8, 16), T.nn.Tanh(), T.nn.Linear(16, 3))
        optimizer = T.optim.SGD(net.parameters(), 0.5)
        x, y = T.randn(32, 8), T.arange(32) % 3
        history = []
        for _ in range(20):
            optimizer.zero_grad()
            with T.autocast("cpu", dtype=T.bfloat16):
                loss = T.nn.functional.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            history.append(loss.item())
        return history

    assert losses(rushlight) == pytest.approx(losses(torch), rel=2e-2)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_former_names(T):
    with T.cpu.amp.autocast():
        assert (T.ones(2, 2) @ T.ones(2, 2)).dtype is T.bfloat16
    assert not T.cpu.amp.GradScaler(enabled=False).is_enabled()


KEPT_OR_WIDENED = {
    "mv": lambda T, a, b: T.mv(a, b[0]),
    "dot": lambda T, a, b: T.dot(a[0], b[0]),
    "addmv": lambda T, a, b: T.addmv(a[0], a, b[0]),
    "bilinear": lambda T, a, b: T.nn.functional.bilinear(a, b, T.ones(2, 3, 3, dtype=a.dtype)),
    "matmul by a vector": lambda T, a, b: a @ b[0],
    "solve": lambda T, a, b: T.linalg.solve(a + T.eye(3), b),
    "lstsq": lambda T, a, b: T.linalg.lstsq(a, b)[0],
    "fft": lambda T, a, b: T.fft.fft(a),
    "quantile": lambda T, a, b: T.quantile(a, 0.5),
    "trace": lambda T, a, b: T.trace(a),
    "reflect": lambda T, a, b: T.nn.functional.pad(a[None], (1, 1), mode="reflect"),
    "constant": lambda T, a, b: T.nn.functional.pad(a[None], (1, 1)),
    "index_copy": lambda T, a, b: a.index_copy(0, T.tensor([0]), b[:1].float()),
    "avg_pool3d": lambda T, a, b: T.nn.functional.avg_pool3d(a[None, None], 1),
    "lrn": lambda T, a, b: T.nn.functional.local_response_norm(a[None], 2),
    "binary_cross_entropy": lambda T, a, b: T.nn.functional.binary_cross_entropy(a, b.float()),
    "LSTMCell": lambda T, a, b: T.nn.LSTMCell(3, 2)(a.float())[1],
    "RNNCell": lambda T, a, b: T.nn.RNNCell(3, 2)(a.float()),
    "GRUCell": lambda T, a, b: T.nn.GRUCell(3, 2)(a.float()),
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", KEPT_OR_WIDENED)
def test_dtypes_under_autocast_are_torchs(torch, name, dtype):
    def program(T):
        a = T.full((3, 3), 0.5, dtype=getattr(T, dtype))
        b = T.full((3, 3), 0.25, dtype=getattr(T, dtype))
        with T.autocast("cpu", dtype=T.bfloat16):
            try:
                return str(KEPT_OR_WIDENED[name](T, a, b).dtype)
            except RuntimeError:
                return "refused"

    assert program(rushlight) == program(torch)


def test_binary_cross_entropy_refuses_two_dtypes():
    p, t = rushlight.full((3,), 0.5), rushlight.full((3,), 0.5, dtype=rushlight.float64)
    with pytest.raises(RuntimeError, match="Found dtype Double but expected Float"):
        rushlight.nn.functional.binary_cross_entropy(p, t)


def test_former_switches():
    with pytest.warns(DeprecationWarning, match="use torch.set_autocast_enabled"):
        rushlight.set_autocast_cpu_enabled(True)
    try:
        with pytest.warns(DeprecationWarning, match="is_autocast_enabled"):
            assert rushlight.is_autocast_cpu_enabled()
        assert rushlight.mm(rushlight.ones(1, 1), rushlight.ones(1, 1)).dtype is rushlight.bfloat16
    finally:
        rushlight.set_autocast_enabled("cpu", False)
    assert not rushlight.is_autocast_enabled("cpu")
    with pytest.warns(DeprecationWarning, match="get_autocast_dtype"):
        assert rushlight.get_autocast_cpu_dtype() is rushlight.bfloat16
    depths = [rushlight.autocast_increment_nesting(), rushlight.autocast_decrement_nesting()]
    assert depths == [1, 0]


def test_cache_flag_of_a_context():
    with rushlight.autocast("cpu", cache_enabled=False):
        assert not rushlight.is_autocast_cache_enabled()
    assert rushlight.is_autocast_cache_enabled()
