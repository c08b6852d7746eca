"""What scripts ask torch about the machine: version, cuda, accelerator, backends, compile."""

from __future__ import annotations

import operator

import pytest

import rushlight
import rushlight.cpu
from rushlight import _settings as settings, accelerator, compiler, cuda, mps, xpu
from rushlight.backend.cuda import runtime
from rushlight.backends import cpu, cuda as cuda_backend, cudnn, mkldnn
from rushlight.version import TorchVersion

NO_GPU = not cuda.is_available()
without_gpu = pytest.mark.skipif(not NO_GPU, reason="there is a GPU")


@pytest.mark.parametrize(
    ("left", "compare", "right"),
    [
        ("2.13.0+rushlight", operator.gt, "2.9"),
        ("2.13.0+rushlight", operator.ge, (2, 13)),
        ("2.13.0+rushlight", operator.lt, (2, 13, 1)),
        ("2.13.0+rushlight", operator.gt, "2.13.0"),
        ("2.13.0+rushlight", operator.ne, "2.13.0"),
        ("2.13.0", operator.eq, "2.13"),
        ("2.13.0a0+git1", operator.lt, "2.13.0"),
        ("2.13.0", operator.gt, "2.13.0rc2"),
        ("2.13.0rc1", operator.gt, "2.13.0b3"),
        ("2.13.0.dev20260101", operator.lt, "2.13.0a1"),
        ("2.13.0.post1", operator.gt, "2.13.0"),
        ("2.13.0", operator.le, "2.13.0"),
        ("2.13.0", operator.ne, "nightly"),
    ],
)
def test_versions_compare_as_versions(left, compare, right):
    assert compare(TorchVersion(left), right)


def test_version_compares_as_packaging_does():
    version = pytest.importorskip("packaging.version")
    known = ["1.8", "2.0.0.dev1", "2.0a1", "2.0rc1", "2.0", "2.0+cpu", "2.0.post1", "2.0.1", "2.10"]
    for one in known:
        for other in known:
            for compare in (operator.lt, operator.le, operator.eq, operator.ge):
                wanted = compare(version.Version(one), version.Version(other))
                assert compare(TorchVersion(one), other) is wanted, (one, other, compare)
                assert compare(TorchVersion(one), version.Version(other)) is wanted


def test_version_is_still_a_string():
    found = TorchVersion("2.13.0+rushlight")
    assert isinstance(found, str)
    assert found.startswith("2.13")
    assert {found: 1}["2.13.0+rushlight"] == 1


@without_gpu
def test_questions_about_a_missing_gpu_have_answers():
    assert cuda.is_available() is False
    assert cuda.device_count() == 0
    assert cuda.is_initialized() is False
    assert cuda.memory_allocated() == cuda.max_memory_allocated() == 0
    assert cuda.memory_reserved("cuda:0") == cuda.max_memory_reserved() == 0
    assert cuda.memory_stats() == {}
    assert "allocated" in cuda.memory_summary()
    assert cuda.get_arch_list() == []
    assert cuda.is_bf16_supported() is False
    assert rushlight.version.cuda is None
    for harmless in (cuda.empty_cache, cuda.seed, cuda.seed_all, cuda.reset_peak_memory_stats):
        assert harmless() is None
    assert cuda.manual_seed(1) is None
    assert cuda.manual_seed_all(1) is None
    assert cuda.get_rng_state_all() == []
    assert cuda.set_rng_state_all([]) is None
    with cuda.device(None), cuda.device(-1), cuda.stream(None):
        pass
    with cuda.device_of(rushlight.zeros(1)):
        pass


@without_gpu
@pytest.mark.parametrize(
    "use",
    [
        cuda.init,
        cuda.current_device,
        cuda.get_device_name,
        cuda.get_device_capability,
        cuda.synchronize,
        cuda.current_stream,
        cuda.mem_get_info,
        cuda.initial_seed,
        cuda.get_rng_state,
        lambda: cuda.set_device(0),
        lambda: cuda.get_device_properties("cuda:0"),
        lambda: cuda.device(0).__enter__(),
        lambda: rushlight.zeros(1, device="cuda"),
        lambda: rushlight.zeros(1).to("cuda"),
    ],
)
def test_using_a_missing_gpu_raises_torch_s_error_and_the_reason(use):
    with pytest.raises(AssertionError, match=r"Torch not compiled with CUDA enabled .*CuPy"):
        use()


@without_gpu
@pytest.mark.parametrize("make", [cuda.Stream, cuda.Event, lambda: cuda.Event(enable_timing=True)])
def test_streams_and_events_need_a_gpu(make):
    with pytest.raises(RuntimeError, match="requires CUDA support"):
        make()


@pytest.mark.parametrize("where", ["cpu", rushlight.device("cpu")])
def test_a_cpu_is_no_cuda_device(where):
    with pytest.raises(ValueError, match="Expected a cuda device, but got: cpu"):
        runtime.device_index(where)


def test_device_index():
    assert runtime.device_index("cuda:1") == runtime.device_index(rushlight.device("cuda", 1)) == 1
    assert runtime.device_index(2) == 2


@without_gpu
def test_accelerator_without_a_gpu():
    assert accelerator.is_available() is False
    assert accelerator.device_count() == 0
    assert accelerator.current_accelerator() is None
    assert accelerator.current_accelerator(check_available=True) is None
    with accelerator.device_index(None):
        pass
    for use in (
        accelerator.current_device_index,
        accelerator.synchronize,
        accelerator.current_stream,
        accelerator.empty_cache,
        accelerator.memory_allocated,
        lambda: accelerator.set_device_index(0),
        lambda: accelerator.device_index(0).__enter__(),
    ):
        with pytest.raises(RuntimeError, match="Cannot access accelerator device when none is"):
            use()


def test_other_makers_gpus_are_not_there():
    assert not mps.is_available()
    assert not rushlight.backends.mps.is_available()
    assert not rushlight.backends.mps.is_built()
    assert not xpu.is_available()
    assert mps.device_count() == xpu.device_count() == 0
    with pytest.raises(RuntimeError, match="without MPS backend"):
        mps.synchronize()


def test_backend_switches():
    assert (cudnn.enabled, cudnn.benchmark, cudnn.deterministic) == (True, False, False)
    with cudnn.flags(enabled=False, deterministic=True):
        assert (cudnn.enabled, cudnn.deterministic, cudnn.benchmark) == (False, True, False)
    assert (cudnn.enabled, cudnn.benchmark, cudnn.deterministic) == (True, False, False)
    with mkldnn.flags(enabled=False):
        assert mkldnn.enabled is False
    assert mkldnn.enabled is True
    assert cudnn.is_available() is False
    assert cudnn.version() is None
    assert cudnn.is_acceptable(rushlight.zeros(1)) is False
    assert cuda_backend.is_built() is cuda.is_available()
    assert cuda_backend.matmul.allow_tf32 is False
    assert cpu.get_cpu_capability() in ("DEFAULT", "AVX2", "AVX512")


def test_attention_switches():
    with cuda_backend.sdp_kernel(enable_flash=False, enable_math=True):
        assert not cuda_backend.flash_sdp_enabled()
        cuda_backend.enable_math_sdp(False)
        assert not cuda_backend.math_sdp_enabled()
    assert cuda_backend.flash_sdp_enabled()
    assert cuda_backend.math_sdp_enabled()


def test_float32_precision_and_tf32_are_one_setting():
    matmul = cuda_backend.matmul
    assert settings.get_float32_matmul_precision() == "highest"
    settings.set_float32_matmul_precision("medium")
    assert matmul.allow_tf32 is True
    matmul.allow_tf32 = False
    assert settings.get_float32_matmul_precision() == "highest"
    matmul.allow_tf32 = True
    assert settings.get_float32_matmul_precision() == "high"
    matmul.allow_tf32 = False


def test_device_modules():
    assert accelerator.get_device_module("cpu") is rushlight.cpu
    assert accelerator.get_device_module(rushlight.device("cuda:1")) is cuda
    assert accelerator.get_device_module() is (cuda if cuda.is_available() else rushlight.cpu)
    for function in (rushlight.cpu.synchronize, rushlight.cpu.current_device):
        function()
    assert rushlight.cpu.is_available()
    assert rushlight.cpu.device_count() == 1
    with pytest.raises(RuntimeError, match="Invalid value of device '3'"):
        accelerator.get_device_module(3)
    with pytest.raises(RuntimeError, match="'xpu' does not have a corresponding module"):
        accelerator.get_device_module("xpu")


class TestCompile:
    def test_returns_what_it_was_given(self):
        def double(x):
            return 2 * x

        every_option = {
            "fullgraph": True,
            "dynamic": False,
            "backend": "inductor",
            "options": {"trace.enabled": True},
            "disable": False,
        }
        assert compiler.compile(double) is double
        assert compiler.compile(double, mode="max-autotune") is double
        assert compiler.compile(double, **every_option) is double
        assert compiler.compile(**every_option)(double) is double
        assert compiler.compile()(double) is double
        assert compiler.disable(double) is double
        assert compiler.disable(recursive=False)(double) is double
        assert compiler.set_stance("force_eager")(double) is double
        with compiler.set_stance("force_eager"):
            assert compiler.is_compiling() is False

    def test_errors_are_torch_s(self):
        with pytest.raises(RuntimeError, match="Either mode or options can be specified"):
            compiler.compile(len, mode="default", options={"a": 1})
        with pytest.raises(RuntimeError, match="Unrecognized mode=fast, should be one of: default"):
            compiler.compile(len, mode="fast")
        with pytest.raises(AssertionError, match="A callable function is expected, but <class"):
            compiler.compile(3)
