"""Tables of layers: torchsummary's and torchinfo's styles, counts, and what is left untouched."""

from __future__ import annotations

from typing import Any

import pytest

import rushlight
from rushlight import nn
from rushlight.utils.summary import ModelStatistics, summary


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.AvgPool2d(2)),
        nn.Sequential(nn.Flatten(), nn.Linear(1176, 10)),
    )


class Blocks(nn.Module):
    """Layers in lists and dicts, one of them called twice, and a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(3, 3) for _ in range(2)])
        self.norms = nn.ModuleList([nn.LayerNorm(3) for _ in range(2)])
        self.heads = nn.ModuleDict({"a": nn.Linear(3, 2)})
        self.scale = nn.Parameter(rushlight.ones(3))
        self.unused = nn.Linear(1, 1)

    def forward(self, x: Any, twice: bool = True) -> Any:
        for block, norm in zip(self.blocks, self.norms, strict=True):
            x = norm(block(x))
        if twice:
            x = self.blocks[0](x)
        return {"logits": self.heads["a"](x * self.scale), "features": x}


def quiet(model: nn.Module, *args: Any, **kwargs: Any) -> ModelStatistics:
    found = summary(model, *args, verbose=0, **kwargs)
    assert found is not None
    return found


FLAT = """\
----------------------------------------------------------------
        Layer (type)               Output Shape         Param #
================================================================
            Conv2d-1            [-1, 6, 28, 28]             156
              ReLU-2            [-1, 6, 28, 28]               0
         AvgPool2d-3            [-1, 6, 14, 14]               0
           Flatten-4                 [-1, 1176]               0
            Linear-5                   [-1, 10]          11,770
================================================================
Total params: 11,926
Trainable params: 11,920
Non-trainable params: 6
----------------------------------------------------------------
Input size (MB): 0.00
Forward/backward pass size (MB): 0.09
Params size (MB): 0.05
Estimated Total Size (MB): 0.14
----------------------------------------------------------------
"""

TREE = """\
==========================================================================================
Layer (type:depth-idx)                   Output Shape              Param #
==========================================================================================
Sequential                               [64, 10]                  --
├─Sequential: 1-1                        [64, 6, 14, 14]           --
│    └─Conv2d: 2-1                       [64, 6, 28, 28]           156
│    └─ReLU: 2-2                         [64, 6, 28, 28]           --
│    └─AvgPool2d: 2-3                    [64, 6, 14, 14]           --
├─Sequential: 1-2                        [64, 10]                  --
│    └─Flatten: 2-4                      [64, 1176]                --
│    └─Linear: 2-5                       [64, 10]                  11,770
==========================================================================================
Total params: 11,926
Trainable params: 11,926
Non-trainable params: 0
Total mult-adds (M): 8.58
==========================================================================================
Input size (MB): 0.20
Forward/backward pass size (MB): 5.42
Params size (MB): 0.05
Estimated Total Size (MB): 5.67
==========================================================================================
"""


def test_torchsummary_style(capsys: pytest.CaptureFixture[str]) -> None:
    model = lenet()
    model[0][0].bias.requires_grad_(False)
    assert summary(model, (1, 28, 28)) is None
    assert capsys.readouterr().out == FLAT


def test_torchsummary_style_with_batch_size(capsys: pytest.CaptureFixture[str]) -> None:
    summary(lenet(), input_size=(1, 28, 28), batch_size=64, device="cpu")
    out = capsys.readouterr().out
    assert "[64, 6, 28, 28]             156\n" in out
    assert "Input size (MB): 0.19\n" in out


def test_torchinfo_style(capsys: pytest.CaptureFixture[str]) -> None:
    summary(lenet(), input_size=(64, 1, 28, 28), depth=2, verbose=1)
    assert capsys.readouterr().out == TREE


def test_style_overrides_the_way_sizes_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    summary(lenet(), (64, 1, 28, 28), style="torchinfo")
    assert "[64, 1176]" in capsys.readouterr().out


def test_columns_line_up() -> None:
    columns = ("input_size", "output_size", "kernel_size", "mult_adds", "trainable")
    lines = str(quiet(lenet(), (2, 1, 28, 28), col_names=columns)).splitlines()
    header, rows = lines[1], lines[3:11]
    starts = [header.index(title) for title in ("Input", "Output", "Kernel", "Mult", "Train")]
    for row in rows:
        assert all(row[start - 1] == " " and row[start] != " " for start in starts)
    assert "[5, 5]" in rows[2]


def test_long_names_widen_the_table() -> None:
    model = nn.Sequential(
        type("AVeryLongNameForALayerOfAModelThatDoesNothing", (nn.Identity,), {})()
    )
    lines = str(quiet(model, (2, 3))).splitlines()
    column = lines[1].index("Output Shape")
    assert {line[column : column + 6] for line in lines[3:5]} == {"[2, 3]"}
    assert max(map(len, lines)) == len(lines[0])


def test_containers_repeated_calls_and_own_parameters() -> None:
    table = quiet(Blocks(), (4, 3), row_settings=("var_names", "depth"))
    labels = [line[:41].rstrip() for line in str(table).splitlines()[3:]]
    numbers = [line[67:].strip() for line in str(table).splitlines()[3:]]
    assert list(zip(labels, numbers, strict=True))[:11] == [
        ("Blocks", "5"),
        ("├─ModuleList (blocks): 1-1", "--"),
        ("│    └─Linear (0): 2-1", "12"),
        ("├─ModuleList (norms): 1-2", "--"),
        ("│    └─LayerNorm (0): 2-2", "6"),
        ("├─ModuleList (blocks): 1-1", "--"),
        ("│    └─Linear (1): 2-3", "12"),
        ("├─ModuleList (norms): 1-2", "--"),
        ("│    └─LayerNorm (1): 2-4", "6"),
        ("├─ModuleList (blocks): 1-1", "--"),
        ("│    └─Linear (0): 2-1", "(recursive)"),
    ]
    assert table.total_params == 49


def test_rows_account_for_every_parameter() -> None:
    for depth in range(4):
        lines = str(quiet(Blocks(), (4, 3), depth=depth)).splitlines()
        table = lines[3 : lines.index(lines[0], 3)]
        numbers = [line[67:].strip() for line in table]
        assert sum(int(number) for number in numbers if number.isdigit()) == 49


def test_hidden_repeats_keyword_arguments_and_ascii() -> None:
    settings = ("ascii_only", "hide_recursive_layers")
    text = str(quiet(Blocks(), (4, 3), row_settings=settings))
    assert text.count("|    + Linear") == 3
    assert text.isascii()
    assert str(quiet(Blocks(), (4, 3), twice=False)).count("Linear") == 3


def test_inputs_of_every_kind() -> None:
    embed = nn.Sequential(nn.Embedding(10, 3))
    ids = rushlight.zeros(2, 5, dtype=rushlight.int64)
    for found in (
        quiet(embed, input_data=ids),
        quiet(embed, input_data=[ids]),
        quiet(embed, input_data={"input": ids}),
        quiet(embed, (2, 5), dtypes=[rushlight.int64]),
    ):
        assert found.summary_list[1].output_shapes == [[2, 5, 3]]
    pair = nn.Bilinear(2, 3, 4)
    assert quiet(pair, [(5, 2), (5, 3)]).summary_list[0].output_shapes == [[5, 4]]
    assert quiet(lenet(), (1, 28, 28), batch_dim=0).summary_list[0].output_shapes == [[1, 10]]
    half = nn.Linear(2, 2).to(rushlight.bfloat16)
    assert quiet(half, (3, 2)).total_param_bytes == 12


def test_without_input_the_modules_are_listed() -> None:
    text = str(quiet(lenet(), depth=1))
    assert "├─Sequential: 1-1                        156" in text
    assert "mult-adds" not in text


@pytest.mark.parametrize(
    ("make", "shape", "expected"),
    [
        (lambda: nn.Linear(3, 4), (2, 5, 3), 2 * 5 * (3 * 4 + 4)),
        (lambda: nn.Conv2d(4, 6, 3, groups=2, bias=False), (2, 4, 8, 8), 2 * 36 * 6 * 2 * 9),
        (lambda: nn.ConvTranspose2d(4, 6, 2, stride=2), (1, 4, 3, 3), 9 * 4 * 6 * 4 + 36 * 6),
        (lambda: nn.BatchNorm2d(4), (2, 4, 3, 3), 72),
        (lambda: nn.ReLU(), (2, 4), 0),
    ],
)
def test_mult_adds(make: Any, shape: tuple[int, ...], expected: int) -> None:
    assert quiet(make(), shape).total_mult_adds == expected


def test_views_take_no_memory() -> None:
    assert quiet(nn.Sequential(nn.Flatten()), (2, 3, 4)).total_output_bytes == 0
    assert quiet(nn.Sequential(nn.Linear(3, 4)), (2, 3)).total_output_bytes == 2 * 2 * 4 * 4


def test_the_model_and_the_generator_are_left_as_they_were() -> None:
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout())
    model[1].eval()
    state = rushlight.get_rng_state()
    quiet(model, (4, 3))
    assert model.training
    assert model[0].training
    assert not model[1].training
    assert not model[0]._forward_hooks
    assert model[0].num_batches_tracked.item() == 0
    assert (rushlight.get_rng_state() == state).all()
    quiet(model, (4, 3), mode="train")
    assert model[0].num_batches_tracked.item() == 1


def test_a_failing_model_is_named_and_released() -> None:
    model = lenet()
    with pytest.raises(
        RuntimeError, match=r"Sequential failed on input of shape \(2, 1, 9, 9\)"
    ) as caught:
        summary(model, (1, 9, 9))
    assert "layers that ran: Sequential, Conv2d, ReLU, AvgPool2d, Flatten" in str(caught.value)
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ({"col_names": ["flops"]}, "col_names out of input_size"),
        ({"row_settings": ["colour"]}, "row_settings out of depth"),
        ({"mode": "test"}, "mode out of eval, train"),
        ({"style": "keras"}, "style out of torchsummary, torchinfo"),
    ],
)
def test_unknown_names(argument: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        summary(lenet(), (1, 28, 28), **argument)
