"""What a user reads when an extension does not build."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rushlight.utils.cpp_extension import _errors, _inline, load, load_inline


def test_error_in_a_string_names_the_line_of_this_file(compiler):
    source = r"""
#include <rushlight/module.h>

int twice(int x) {
  return 2 * y;  // the mistake
}
"""
    lines = Path(__file__).read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if text.endswith("// the mistake"))
    with pytest.raises(RuntimeError, match="Error building extension 'wrong'") as raised:
        load_inline("wrong", source, functions=["twice"])
    text = str(raised.value)
    assert re.search(rf"{re.escape(__file__)}:{line}:14: error: .*'y'", text)
    assert f"{line} |   return 2 * y;" in text
    assert text.index("error:") < text.index("command:")


def test_error_in_a_string_from_elsewhere_names_the_string(compiler):
    good = "#include <rushlight/module.h>\n"
    with pytest.raises(RuntimeError, match=r"cpp_sources\[1\]:2:\d+: error: .*nothing") as raised:
        load_inline("wrong", [good, "\n" + "int f() { return nothing; }\n"])
    assert "2 | int f() { return nothing; }" in str(raised.value)


def test_error_in_a_file_names_the_file(compiler, tmp_path):
    path = tmp_path / "wrong.cpp"
    path.write_text("int f() {\n  return 1\n}\n")
    with pytest.raises(RuntimeError) as raised:
        load("wrong", [path])
    assert f"{path}:2:11: error: expected ';'" in str(raised.value)


def test_warnings_do_not_hide_the_error(compiler):
    source = "#warning first\nint f(int) { int unused; return oops; }\n#warning last\n"
    with pytest.raises(RuntimeError) as raised:
        load_inline("wrong", source, no_implicit_headers=True, extra_cflags=["-Wall"])
    message = str(raised.value).split("command:")[0]
    assert re.search(r"cpp_sources:2:33: error: .*'oops'", message)
    assert "warning" not in message


def test_missing_header(compiler):
    with pytest.raises(RuntimeError, match=r"cpp_sources:1:10: fatal error: '?nowhere\.h"):
        load_inline("wrong", "#include <nowhere.h>\n", no_implicit_headers=True)


def test_unknown_function(compiler):
    source = "#include <rushlight/module.h>\nint forward(int x) { return x; }\n"
    with pytest.raises(RuntimeError) as raised:
        load_inline("unknown", source, functions=["forward", "foward"])
    assert str(raised.value) == (
        "Error building extension 'unknown': functions=['forward', 'foward'] names 'foward', "
        "which no source in cpp_sources defines or declares; did you mean 'forward'?"
    )


def test_declared_but_not_defined(compiler):
    source = "#include <rushlight/module.h>\nint forward(int x);\n"
    with pytest.raises(ImportError, match=r"'undefined': .*forward.* is declared, but no source"):
        load_inline("undefined", source, functions=["forward"])


def test_source_without_a_module(compiler):
    with pytest.raises(ImportError, match=r"'bare': no source makes a Python module of that name"):
        load_inline("bare", "int f() { return 1; }", no_implicit_headers=True)


def test_missing_library(compiler):
    with pytest.raises(RuntimeError, match=r"cannot find -lnowhere|library.*nowhere"):
        load_inline("unlinked", "", no_implicit_headers=True, extra_ldflags=["-lnowhere"])


def test_sycl_is_refused():
    with pytest.raises(RuntimeError, match="SYCL sources cannot be built here"):
        load_inline("sycl", "", sycl_sources="x")
    with pytest.raises(RuntimeError, match="is_standalone=True cannot be built here"):
        load("standalone", [], is_standalone=True)


def test_lines_of_two_strings_of_one_file():
    output = (
        "In file included from cpp_sources[0]:2:\n"
        "cpp_sources[0]: In function 'f':\n"
        "cpp_sources[0]:3:1: error: e\n    3 | x;\n      | ^\n"
        "a.h:7:1: note: n\n    7 | y;\n"
        "cpp_sources[1]:1:1: error: e\n    1 | z;"
    )
    places = {"cpp_sources[0]": ("train.py", 10), "cpp_sources[1]": ("train.py", 20)}
    assert _errors.in_their_files(output, places) == (
        "In file included from train.py:12:\n"
        "train.py: In function 'f':\n"
        "train.py:13:1: error: e\n   13 | x;\n      | ^\n"
        "a.h:7:1: note: n\n    7 | y;\n"
        "train.py:21:1: error: e\n   21 | z;"
    )
    assert _errors.in_their_files(output, {}) == output


def test_many_errors_are_cut_short():
    line = "a.cpp:{}:1: error: no"
    output = "\n".join(line.format(n) for n in range(1, 9))
    assert _errors.relevant(output).splitlines()[-2:] == ["a.cpp:5:1: error: no", "(3 more errors)"]


def test_notes_stay_with_their_error():
    output = "a.h:1:1: warning: w\na.h:1:1: note: of w\na.cpp:2:1: error: e\na.h:3:1: note: of e"
    assert _errors.relevant(output) == "a.cpp:2:1: error: e\na.h:3:1: note: of e"


def test_colours_are_removed():
    output = "\x1b[01m\x1b[Ka.cpp:1:1:\x1b[m\x1b[K \x1b[01;31m\x1b[Kerror: \x1b[m\x1b[Kno"
    assert _errors.CompilerFailure([], output).output == "a.cpp:1:1: error: no"


def test_output_without_errors_is_shown_whole():
    assert _errors.relevant("collect2: ld terminated\n") == "collect2: ld terminated"


def test_the_users_errors_come_first():
    ours = f"{_errors.HEADERS}/rushlight/a.h:1:1: error: inside\n"
    context = "In file included from x:1:\nb.cpp: In function 'f':\n"
    assert _errors.relevant(ours + context + "b.cpp:2:1: error: mine") == (
        "b.cpp: In function 'f':\nb.cpp:2:1: error: mine\n" + ours.strip()
    )


def test_the_line_behind_a_long_error_is_kept():
    lines = ["a.h:1:1: error: e", *["  detail"] * 30, "a.h:1:1: note: n"]
    text = _errors.relevant(
        "\n".join([*lines, "b.cpp:9:1:   required from here", "a.h:2:1: note: n"])
    )
    assert text.endswith("b.cpp:9:1:   required from here\n    (19 more lines)")


GCC_CASTER = """\
rushlight/a.h:8:64: error: incomplete type 'rushlight::Caster<Foo, void>' used in nested name
rushlight/a.h: In instantiation of 'static void run() [with Foo]':
functions[swish]:1:6:   required from here
"""
CLANG_CASTER = """\
rushlight/a.h:8:5: error: implicit instantiation of undefined template 'rushlight::Caster<Foo>'
functions[swish]:1:1: note: in instantiation of function template specialization 'f' requested here
"""


@pytest.mark.parametrize("output", [GCC_CASTER, CLANG_CASTER])
def test_types_without_a_counterpart(output):
    error = _errors.build_error("a", _errors.CompilerFailure([], output), {}, lambda output: None)
    assert "Foo cannot be an argument or a result of a bound function (functions[swish]);" in str(
        error
    )


def test_what_says_nothing_is_left_out():
    output = "a.cpp:1:1: error: e\n1 error generated.\ncompilation terminated.\n"
    assert _errors.relevant(output) == "a.cpp:1:1: error: e"


def test_bindings_quote_docstrings(compiler):
    doc = 'says "hello"\\n,\nin two lines'
    source = "#include <rushlight/module.h>\nint f() { return 1; }\n"
    module = load_inline("quoted", source, functions={"f": doc})
    assert module.f.__doc__ == doc


def test_cuda_strings_have_names_too():
    source = _inline.cuda_source(["a", "b"], with_headers=True)
    assert source.text.count("#line 1") == 2
    assert source.text.startswith("#include <torch/types.h>\n#include <cuda.h>\n")
