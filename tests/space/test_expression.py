"""Safe expressions: what they compute, what they refuse, and that no text of a stranger does anything else."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seektune.expression import Expression, ExpressionError

VALUES = {"lr": 3e-3, "batch": 64, "method": "lora", "packing": True, "embedding_size": 96}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4 * embedding_size", 384),
        ("batch / 8", 8.0),
        ("batch // 48", 1),
        ("batch % 48", 16),
        ("2 ** 10", 1024),
        ("-batch + +1", -63),
        ("max(batch, 100) - min(1, 2)", 99),
        ("round(log2(batch))", 6),
        ("abs(log10(lr / 3)) > 2.9 and log10(lr / 3) < 0", True),
        ("batch if packing else 1", 64),
        ("batch > 32 and lr > 1e-3", True),
        ("batch > 32 and not packing", False),
        ("1 < batch <= 64 < 65", True),
        ("1 < batch < 64 < 65", False),
        ('method == "lora"', True),
        ("method != 'lora'", False),
        ('method in ["lora", "prefix"]', True),
        ('method not in ("lora", "prefix")', False),
        ("method == 3", False),
        ("  batch", 64),
        ("True or nonsense", True),
        ("3.0", 3.0),
    ],
)
def test_value(text: str, expected: object) -> None:
    found = Expression(text).evaluate(VALUES)
    assert found == expected
    assert type(found) is type(expected)


def test_names_are_those_that_need_values() -> None:
    assert Expression("max(a, b) > log2(c) and a < 1").names == ("a", "b", "c")


def test_texts_compared_with_a_name_are_reported() -> None:
    expression = Expression('method == "lorra" or schedule in ["cosine", "linear"] or "x" != optimizer')
    assert expression.compared == (
        ("method", "lorra"),
        ("schedule", "cosine"),
        ("schedule", "linear"),
        ("optimizer", "x"),
    )


@pytest.mark.parametrize(
    ("text", "word", "column"),
    [
        ("", "not an expression", 1),
        ("batch >", "not an expression", 8),
        ("a.b", "Attribute is not allowed", 1),
        ("1 + a[0]", "Subscript is not allowed", 5),
        ("  __import__('os')", "only these functions", 3),
        ("(lambda: 1)()", "only these functions", 1),
        ("[x for x in y]", "ListComp is not allowed", 1),
        ("f'{a}'", "JoinedStr is not allowed", 1),
        ("(a := 1)", "NamedExpr is not allowed", 2),
        ("1 if a", "not an expression", 1),
        ("a | b", "BitOr is not allowed", 1),
        ("max(*a)", "plain arguments", 1),
        ("max(a, key=b)", "plain arguments", 1),
        ("None", "numbers, texts", 1),
        ("1j", "numbers, texts", 1),
        ("a == b''", "numbers, texts", 6),
        ("a" * 501, "500 characters", 1),
        ("+".join("a" * 150), "parts", 1),
        ("a; b", "not an expression", 2),
        ("a\x00", "not an expression", 1),
    ],
)
def test_refused_when_read(text: str, word: str, column: int) -> None:
    with pytest.raises(ExpressionError, match=word) as caught:
        Expression(text)
    assert caught.value.column == column


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("1 / 0", "division by zero"),
        ("1 % (batch - 64)", "division by zero"),
        ("9 ** 9 ** 9", "exponents"),
        ("(-1) ** 0.5", "root of a negative"),
        ("log2(0)", "domain|math|expected a positive"),
        ("exp(1000)", "range"),
        ("1e300 * 1e300", "finite"),
        ("method > 3", "no order"),
        ("method * 3", "expected a number"),
        ("max(method, 1)", "expected a number"),
        ("min()", "at least 1|expected"),
        ("unknown + 1", "has no value"),
        ("method in method", "needs a list"),
        ("[1, 2]", "after `in`"),
    ],
)
def test_refused_when_evaluated(text: str, word: str) -> None:
    with pytest.raises(ExpressionError, match=word):
        Expression(text).evaluate(VALUES)


def test_column_of_an_error_while_evaluating_counts_leading_spaces() -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression("  batch + method").evaluate(VALUES)
    assert caught.value.column == 11


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab1.()[]+-*/<>=!&|\"', \\\n\t{}:#@%^~é中", max_size=60) | st.text(max_size=60))
def test_no_text_does_anything_but_raise_expression_error(text: str) -> None:
    started = time.process_time()
    with contextlib.suppress(ExpressionError):
        Expression(text).evaluate({"a": 2.0, "b": "x"})
    assert time.process_time() - started < 1


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.sampled_from(["a", "b", "7", "0", "1e308", "True", '"t"']),
        lambda inner: st.tuples(inner, st.sampled_from(["+", "*", "**", "//", "%", "<", "==", "and"]), inner).map(
            lambda part: f"({part[0]} {part[1]} {part[2]})"
        ),
        max_leaves=25,
    )
)
def test_arithmetic_stays_small_and_finite(text: str) -> None:
    try:
        found = Expression(text).evaluate({"a": 3, "b": -2.5})
    except ExpressionError:
        return
    assert isinstance(found, bool | str) or abs(found) < float("inf")
