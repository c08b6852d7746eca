"""Names inside torch that programs import all the same, by the file torch keeps them in."""

from __future__ import annotations

import importlib

import pytest

import rushlight

NAMES = [
    ("functorch", "vmap make_functional make_functional_with_buffers combine_state_for_ensemble"),
    ("torch._C", "_disabled_torch_function_impl TensorBase Generator _get_tracing_state"),
    ("torch.__config__", "show parallel_info"),
    ("torch._tensor_str", "PRINT_OPTS _tensor_str"),
    ("torch.distributed.rpc", "is_available"),
    ("torch.fx", "wrap"),
    ("torch.jit", "_overload _overload_method"),
    ("torch.serialization", "MAP_LOCATION FileLike"),
    ("torch._dynamo.eval_frame", "OptimizedModule"),
    ("torch._vmap_internals", "vmap"),
    ("torch.autograd.anomaly_mode", "detect_anomaly set_detect_anomaly"),
    ("torch.autograd.grad_mode", "no_grad enable_grad set_grad_enabled inference_mode"),
    ("torch.functional", "einsum norm"),
    ("torch.nn.common_types", "_size_1_t _size_2_t _size_any_t _ratio_2_t"),
    ("torch.nn.modules.activation", "MultiheadAttention ReLU"),
    ("torch.nn.modules.conv", "_ConvNd _ConvTransposeNd Conv2d"),
    ("torch.nn.modules.transformer", "_get_clones _get_activation_fn"),
    ("torch.nn.modules.utils", "_single _pair _triple _quadruple _ntuple _reverse_repeat_tuple"),
    ("torch.onnx", "is_in_onnx_export"),
    ("torch.optim.adam", "Adam"),
    ("torch.optim.adamw", "AdamW"),
    ("torch.optim.optimizer", "Optimizer required"),
    ("torch.storage", "UntypedStorage TypedStorage"),
    ("torch.torch_version", "TorchVersion"),
    ("torch.utils._pytree", "tree_map tree_flatten tree_unflatten"),
    ("torch.utils.data._utils.collate", "default_collate"),
    ("torch.utils.data.dataloader", "_BaseDataLoaderIter _MultiProcessingDataLoaderIter"),
    ("torch.utils.hooks", "RemovableHandle"),
]


def test_are_where_torch_keeps_them(check):
    check(
        f"""
        import importlib
        import rushlight
        from rushlight.compat import install

        with install(children=False):
            for module, names in {NAMES}:
                found = importlib.import_module(module)
                for name in names.split():
                    assert getattr(found, name) is not None, (module, name)
            activation = importlib.import_module("torch.nn.modules.activation")
            assert activation.MultiheadAttention is rushlight.nn.MultiheadAttention
            assert not hasattr(activation, "Nonsense")
            import torch
            assert torch.__name__ == "torch"
            # Libraries wrap what they find here.
            assert "Normal" in vars(importlib.import_module("torch.distributions"))
        """
    )


@pytest.mark.parametrize(("module", "names"), NAMES[1:], ids=[module for module, _ in NAMES[1:]])
def test_torch_keeps_them_there(torch, module, names):
    found = importlib.import_module(module)
    assert all(hasattr(found, name) for name in names.split())


def test_numbers_become_tuples():
    from rushlight.nn.modules.tuples import _list_with_default, _pair, _reverse_repeat_tuple

    assert _pair(3) == (3, 3) and _pair([1, 2]) == (1, 2)  # noqa: PT018
    assert _reverse_repeat_tuple((1, 2), 2) == (2, 2, 1, 1)
    assert _list_with_default([None, 5], [2, 3, 4]) == [3, 5]
    with pytest.raises(ValueError, match="at least 3"):
        _list_with_default([None, 5], [3, 4])


def test_small_answers():
    assert rushlight.__config__.show().startswith("rushlight built with:")
    assert "get_num_threads() :" in rushlight.__config__.parallel_info()
    assert rushlight.fx.wrap("name") == "name"
    with pytest.raises(RuntimeError, match="either a callable or string name"):
        rushlight.fx.wrap(3)


def test_a_prefix_comes_off(torch):
    def state(library):
        wrapped = library.nn.Sequential()
        wrapped.add_module("module", library.nn.Sequential(library.nn.Linear(2, 1)))
        return wrapped.state_dict()

    results = []
    for library, place in ((rushlight, "tuples"), (torch, "utils")):
        tools = importlib.import_module(f"{library.__name__}.nn.modules.{place}")
        found = state(library)
        tools.consume_prefix_in_state_dict_if_present(found, "module.")
        results.append((list(found), dict(found._metadata)))
    assert results[0] == results[1]


class TestFunctorch:
    @pytest.fixture
    def models(self):
        rushlight.manual_seed(0)
        return [rushlight.nn.Linear(2, 3) for _ in range(4)]

    def test_a_module_becomes_a_function_of_its_parameters(self, models):
        from rushlight.compat.functorch import grad, make_functional

        call, params = make_functional(models[0])
        x = rushlight.ones(5, 2)
        assert rushlight.equal(call(params, x), models[0](x))
        gradient = grad(lambda p: call(p, x).sum())(params)
        assert gradient[1].tolist() == [5.0, 5.0, 5.0]
        untracked = make_functional(models[0], disable_autograd_tracking=True)[1]
        assert not any(p.requires_grad for p in untracked)

    def test_buffers_are_arguments_too(self):
        from rushlight.compat.functorch import make_functional_with_buffers

        norm = rushlight.nn.BatchNorm1d(2).eval()
        call, params, buffers = make_functional_with_buffers(norm)
        x = rushlight.ones(3, 2)
        shifted = (buffers[0] + 1, *buffers[1:])
        assert rushlight.equal(call(params, buffers, x), norm(x))
        assert float(call(params, shifted, x).abs().max()) == 0

    def test_an_ensemble_in_one_call(self, models):
        from rushlight.compat.functorch import combine_state_for_ensemble, vmap

        call, params, buffers = combine_state_for_ensemble(models)
        x = rushlight.randn(5, 2)
        together = vmap(call, (0, 0, None))(params, buffers, x)
        assert rushlight.allclose(together, rushlight.stack([model(x) for model in models]))
        with pytest.raises(RuntimeError, match="at least one model"):
            combine_state_for_ensemble([])
