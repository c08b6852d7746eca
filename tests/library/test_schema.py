"""The schema language: what is read, how it is written again, what is refused."""

from __future__ import annotations

import pytest

import rushlight
from rushlight.library import parse_schema

READ = [
    "f(Tensor x) -> Tensor",
    "my::f.out(Tensor x, *, Tensor(a!) out) -> Tensor(a!)",
    "f(Tensor? x=None, int[2] s=1, int[] p=[1,2], float f=1e-3, bool b=False) -> ()",
    "f(str a='hi', str b=\"x\\ny\", Scalar c=1, Scalar? d=None, Device e='cpu') -> ()",
    "f(ScalarType? dt=None, ScalarType d=float, Generator? g=None, Layout? l=None) -> ()",
    "f(Tensor[] x, Tensor?[] y, int[]? z=None, SymInt[2] k=0, float[]? s=None) -> (Tensor a, int)",
    "f(Tensor(a) x) -> Tensor(a)",
    "f(Tensor(a!)[] xs, Tensor(b!)? y) -> ()",
    "f(Tensor x, ...) -> ...",
    "f() -> ()",
    "f(Tensor x, int y=-1, float w=1.0, float v=1e-10, int[] e=[]) -> Tensor y",
    "f(Tensor(a -> *) x) -> Tensor(*)",
    "f(int reduction=Mean, bool[2] y=[True,False], *, Tensor[3] z) -> Tensor",
]
REFUSED = [
    ("f(Tensor x", "expected ) but found 'eof'"),
    ("f(Tenso x) -> Tensor", "unknown type specifier"),
    ("f(Tensor) -> Tensor", "expected ident but found ')'"),
    ("f(Tensor x) Tensor", "expected arrow but found 'ident'"),
    ("(Tensor x) -> Tensor", "expected ident but found '('"),
    ("f(Tensor x) -> Tensor y z", "expected eof but found 'ident'"),
    ("f(int x=a) -> ()", "invalid numeric default value"),
    ("f(Tensor x=1) -> ()", "expected None but found 'number'"),
    ("1f() -> ()", "expected ident but found 'number'"),
    ("", "expected ident but found 'eof'"),
    ("f", "only the operator name was given"),
    ("f(Tensor x;) -> ()", "expected a valid token but found ';'"),
    ("f(int x=1, Tensor y) -> ()", "Non-default positional argument follows default argument"),
]


@pytest.mark.parametrize("text", READ)
def test_written_again_as_torch_does(text, torch):
    assert str(parse_schema(text)) == str(torch._C.parse_schema(text))


@pytest.mark.parametrize("text", READ)
def test_reading_what_was_written_changes_nothing(text):
    schema = parse_schema(text)
    assert parse_schema(str(schema)) == schema


def test_the_error_points_at_the_place():
    with pytest.raises(RuntimeError) as caught:
        parse_schema("f(Tenso x) -> Tensor")
    assert str(caught.value).splitlines()[-2:] == ["f(Tenso x) -> Tensor", "  ~~~~~ <--- HERE"]


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_refused(text, words):
    with pytest.raises(RuntimeError) as caught:
        parse_schema(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_torch_refuses_it_in_the_same_words(text, words, torch):
    with pytest.raises(RuntimeError) as caught:
        torch._C.parse_schema(text)
    assert words in str(caught.value)


def test_every_tensor_operator_of_torch(torch):
    """All of aten's schemas but the few with TorchScript's own types (`t[]`, `Dict`, `Future`)."""
    texts = [str(schema) for schema in torch._C._jit_get_all_schemas()]
    texts = [text for text in texts if text.startswith("aten::") and "Tensor" in text]
    refused = differ = 0
    for text in texts:
        try:
            differ += str(parse_schema(text)) != text
        except RuntimeError:
            refused += 1
    assert len(texts) > 2000
    assert refused < 0.02 * len(texts)
    assert differ < 0.02 * len(texts)


def test_parts():
    schema = parse_schema("a::f.ov(Tensor(a!)? x, int[2] s=1, *, Tensor(b!) y) -> (Tensor a, int)")
    assert (schema.name, schema.overload_name, schema.is_mutable) == ("a::f", "ov", True)
    x, s, y = schema.arguments
    assert (x.is_write, str(x.type), x.type.kind(), x.is_out) == (
        True, "Optional[Tensor]", "OptionalType", False,
    )  # fmt: skip
    assert (s.default_value, s.N, s.has_default_value(), s.kwarg_only) == ([1, 1], 2, True, False)
    assert y.is_out
    assert [r.name for r in schema.returns] == ["a", ""]


def test_a_dtype_by_name_or_number():
    by_name, by_number = (
        parse_schema(f"f(ScalarType d={d}) -> ()").arguments[0] for d in ("double", 7)
    )
    assert by_name.default_value is by_number.default_value is rushlight.float64
