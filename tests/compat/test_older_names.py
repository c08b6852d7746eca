"""Names of programs that compile, trace, wrap or date from before PyTorch 0.4."""

from __future__ import annotations

import copy
import io

import pytest

import rushlight as rl
from rushlight import jit, nn
from rushlight.autograd import Variable
from rushlight.nn.attention import SDPBackend, sdpa_kernel


def test_script_and_trace_return_what_they_are_given():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    for compiled in (jit.script(model), jit.trace(model, (rl.ones(1, 2),))):
        assert isinstance(compiled, nn.Sequential)
        assert isinstance(compiled, jit.ScriptModule)
        assert compiled[0] is model[0]
        compiled.eval()
        assert not model.training
        compiled.extra = 1
        assert model.extra == 1
        assert compiled.original_name == "Sequential"
        assert jit.script(compiled) is compiled
        again = copy.deepcopy(compiled)
        assert rl.equal(again(rl.ones(1, 2)), model(rl.ones(1, 2)))
        assert again[0] is not model[0]
    assert jit.script(len) is len
    assert jit.ignore(len) is len
    assert jit.ignore(drop=True)(len) is len


def test_freeze_wants_evaluation_mode():
    model = nn.Dropout()
    with pytest.raises(RuntimeError, match="eval mode"):
        jit.freeze(model)
    assert jit.freeze(model.eval()) is model


def test_modules_survive_a_file():
    class Net(jit.ScriptModule):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 2)

        @jit.script_method
        def forward(self, x):
            return self.layer(x)

    net, file = nn.Sequential(nn.Linear(3, 2), nn.ReLU()), io.BytesIO()
    jit.save(net, file)
    file.seek(0)
    again = jit.load(file, map_location="cpu")
    x = rl.randn(4, 3)
    assert rl.equal(again(x), net(x))
    assert Net()(x).shape == (4, 2)


def test_compiled_modules_write_themselves(tmp_path):
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    jit.trace(model, rl.ones(1, 3)).save(tmp_path / "model.pt")
    again = jit.load(tmp_path / "model.pt")
    assert rl.equal(again(rl.ones(1, 3)), model(rl.ones(1, 3)))
    again.save(str(tmp_path / "again.pt"))
    assert type(rl.load(tmp_path / "again.pt", weights_only=False)) is nn.Sequential


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_compiled_modules_print_as_pytorchs(torch):
    def make(nn):
        return nn.Sequential(nn.Linear(3, 2), nn.Sequential(nn.ReLU(), nn.Tanh()))

    assert repr(jit.script(make(nn))) == repr(torch.jit.script(make(torch.nn)))
    traced = torch.jit.trace(make(torch.nn), torch.ones(1, 3))
    assert repr(jit.trace(make(nn), rl.ones(1, 3))) == repr(traced)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_torchscript_file_says_what_it_is(torch, tmp_path):
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "model.pt")
    with pytest.raises(RuntimeError, match="TorchScript"):
        jit.load(tmp_path / "model.pt")


def test_isinstance_looks_at_the_outer_type():
    assert jit.isinstance([1], list[int])
    assert not jit.isinstance([1], (dict[str, int], tuple))


def test_fork_and_wait():
    assert jit.wait(jit.fork(max, 3, 5)) == 5


def test_variable_shares_memory_and_forgets_history():
    x = rl.ones(2, requires_grad=True)
    v = Variable(x * 2)
    assert v.is_leaf
    assert not v.requires_grad
    assert isinstance(x, Variable)
    assert not isinstance(1, Variable)
    w = Variable(v, requires_grad=True)
    assert w.requires_grad
    v.zero_()
    assert w.sum() == 0
    with pytest.raises(TypeError, match="Variable data has to be a tensor"):
        Variable([1.0])


def test_data_parallel_calls_its_module():
    inner = nn.Linear(3, 2)
    model = nn.DataParallel(inner, device_ids=[0])
    x = rl.randn(5, 3)
    assert rl.equal(model(x), inner(x))
    assert list(model.state_dict()) == ["module.weight", "module.bias"]
    assert rl.equal(nn.parallel.data_parallel(inner, x), inner(x))


def test_choice_of_attention_ends_with_the_block():
    with sdpa_kernel([SDPBackend.MATH, SDPBackend.FLASH_ATTENTION]):
        assert rl.backends.cuda.math_sdp_enabled()
        assert not rl.backends.cuda.mem_efficient_sdp_enabled()
    assert rl.backends.cuda.mem_efficient_sdp_enabled()


def test_types_of_tensors_on_a_gpu():
    kind = rl.cuda.FloatTensor
    assert repr(kind) == "<class 'torch.cuda.FloatTensor'>"
    assert (kind.dtype, kind.is_cuda, rl.FloatTensor.is_cuda) == (rl.float32, True, False)
    assert not isinstance(rl.ones(2), kind)
    assert not hasattr(rl.cuda, "TensorTensor")


@pytest.mark.skipif(rl.cuda.is_available(), reason="there is a GPU")
def test_types_of_tensors_on_a_gpu_need_one():
    for make in (rl.cuda.LongTensor, rl.set_default_tensor_type):
        with pytest.raises(TypeError, match=r"type torch\.cuda\.LongTensor not available"):
            make("torch.cuda.LongTensor")
    with pytest.raises(AssertionError, match="CUDA"):
        rl.ones(2).type(rl.cuda.LongTensor)
