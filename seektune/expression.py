"""A small, safe expression language for conditions, constraints and derived parameters.

    forbid: 'effective_batch > 32 and learning_rate > 3e-3'
    when:   'method == "lora"'
    derive: '4 * embedding_size'

The text is parsed by Python's own `ast`, and only the node types below are accepted: no attribute, no index, no call
but the functions of `FUNCTIONS`, no comprehension. Arithmetic is for numbers only (no `"a" * 10**9`), exponents are
bounded (no `9**9**9`), and text and tree have a greatest size, so that an expression from a stranger costs
microseconds. Anything else raises ExpressionError with the column (from 1) where it stands.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping

from seektune.errors import SeektuneError
from seektune.trial import Scalar

MAX_CHARACTERS = 500
MAX_NODES = 200
MAX_EXPONENT = 64

FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs,
    "ceil": math.ceil,
    "exp": math.exp,
    "float": float,
    "floor": math.floor,
    "int": int,
    "log": math.log,
    "log10": math.log10,
    "log2": math.log2,
    "max": max,
    "min": min,
    "round": round,
    "sqrt": math.sqrt,
}


def _power(base: float, exponent: float) -> float:
    if abs(exponent) > MAX_EXPONENT:
        raise ValueError(f"exponents go up to {MAX_EXPONENT}")
    whole = isinstance(base, int) and isinstance(exponent, int) and exponent >= 0 and abs(base) <= 2**20
    power = base**exponent if whole else float(base) ** float(exponent)
    if isinstance(power, complex):
        raise ValueError("the root of a negative number is not a number")
    return float(power) if not whole else power


_ARITHMETIC: dict[type[ast.operator], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
_ORDER: dict[type[ast.cmpop], Callable[..., bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_LEAVES = (ast.Name, ast.Constant)
_PARTS = (ast.Expression, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Compare, ast.IfExp, ast.Call, ast.Tuple, ast.List)
_SIGNS = (ast.Load, ast.And, ast.Or, ast.Not, ast.UAdd, ast.USub, ast.Eq, ast.NotEq, ast.In, ast.NotIn)


class ExpressionError(SeektuneError, ValueError):
    """The expression cannot be read, or cannot be evaluated with these values."""

    exit_code = 2

    def __init__(self, message: str, column: int = 1) -> None:
        super().__init__(message)
        self.column = column


class Expression:
    """`Expression(text).evaluate(values)`; `names` are the parameters it speaks of."""

    __slots__ = ("_body", "compared", "names", "text")

    def __init__(self, text: str) -> None:
        if len(text) > MAX_CHARACTERS:
            raise ExpressionError(
                f"an expression has at most {MAX_CHARACTERS} characters, but this one has {len(text)}"
            )
        try:
            tree = ast.parse(text.lstrip(), mode="eval")
        except SyntaxError as error:
            at = 1 if error.offset is None else error.offset or len(text.lstrip()) + 1  # 0: where the text ends
            raise ExpressionError(f"not an expression ({error.msg})", _column(text, at)) from None
        except (ValueError, RecursionError, MemoryError):
            raise ExpressionError("not an expression") from None
        called: set[int] = set()
        names: list[str] = []
        for count, node in enumerate(ast.walk(tree)):
            if count >= MAX_NODES:
                raise ExpressionError(f"an expression has at most {MAX_NODES} parts")
            if isinstance(node, ast.Call):
                called.add(id(node.func))
            _check(node, text)
            if isinstance(node, ast.Name) and id(node) not in called and node.id not in names:
                names.append(node.id)
        self.text = text
        self.names: tuple[str, ...] = tuple(names)
        self.compared: tuple[tuple[str, Scalar], ...] = tuple(_compared(tree))
        """(name, literal) wherever a name is compared for equality with a text: finds misspelt choices."""
        self._body = tree.body

    def evaluate(self, values: Mapping[str, Scalar]) -> Scalar:
        try:
            found = _evaluate(self._body, values)
        except ExpressionError as error:
            raise ExpressionError(str(error), _column(self.text, error.column)) from None
        except RecursionError:
            raise ExpressionError("too deep") from None
        if isinstance(found, float) and not math.isfinite(found):
            raise ExpressionError("the result is not a finite number")
        return found

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


def _column(text: str, column: int) -> int:
    return column + len(text) - len(text.lstrip())


def _check(node: ast.AST, text: str) -> None:
    column = _column(text, getattr(node, "col_offset", 0) + 1)
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            raise ExpressionError(f"only these functions can be called: {', '.join(FUNCTIONS)}", column)
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            raise ExpressionError("functions take plain arguments", column)
    if isinstance(node, ast.Constant) and not isinstance(node.value, bool | int | float | str):
        raise ExpressionError(f"numbers, texts, True and False only, but got {node.value!r:.40}", column)
    if not isinstance(node, _LEAVES + _PARTS + _SIGNS + tuple(_ARITHMETIC) + tuple(_ORDER)):
        raise ExpressionError(
            f"{type(node).__name__} is not allowed; write names, numbers, texts, comparisons, and/or/not, arithmetic",
            column,
        )


def _compared(tree: ast.AST) -> list[tuple[str, Scalar]]:
    pairs: list[tuple[str, Scalar]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            left, right = node.left, node.comparators[0]
            if isinstance(left, ast.Constant):
                left, right = right, left
            others = right.elts if isinstance(right, ast.Tuple | ast.List) else [right]
            if isinstance(left, ast.Name) and isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn):
                pairs += [
                    (left.id, other.value)
                    for other in others
                    if isinstance(other, ast.Constant) and isinstance(other.value, str)
                ]
    return pairs


def _evaluate(node: ast.expr, values: Mapping[str, Scalar]) -> Scalar:
    try:
        return _value(node, values)
    except ExpressionError:
        raise
    except ZeroDivisionError:
        raise ExpressionError("division by zero", node.col_offset + 1) from None
    except (ValueError, OverflowError, TypeError) as error:
        raise ExpressionError(str(error), node.col_offset + 1) from None


def _value(node: ast.expr, values: Mapping[str, Scalar]) -> Scalar:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value
        case ast.Name(id=name):
            if name not in values:
                raise ValueError(f"{name!r} has no value")
            return values[name]
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(bool(_evaluate(part, values)) for part in parts)
        case ast.BoolOp(values=parts):
            return any(bool(_evaluate(part, values)) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _evaluate(operand, values)
        case ast.UnaryOp(op=sign, operand=operand):
            number = _number(operand, values)
            return -number if isinstance(sign, ast.USub) else number
        case ast.BinOp(left=left, op=sign, right=right):
            return _ARITHMETIC[type(sign)](_number(left, values), _number(right, values))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _evaluate(body if _evaluate(test, values) else orelse, values)
        case ast.Call(func=ast.Name(id=function), args=arguments):
            return FUNCTIONS[function](*[_number(argument, values) for argument in arguments])
        case ast.Compare(left=left, ops=signs, comparators=rights):
            return _compare(left, signs, rights, values)
    raise ValueError("a list only stands after `in`")


def _number(node: ast.expr, values: Mapping[str, Scalar]) -> int | float:
    value = _evaluate(node, values)
    if isinstance(value, str):
        raise ExpressionError(f"expected a number, but got the text {value!r:.40}", node.col_offset + 1)
    return value


def _compare(left: ast.expr, signs: list[ast.cmpop], rights: list[ast.expr], values: Mapping[str, Scalar]) -> bool:
    value = _evaluate(left, values)
    for sign, right in zip(signs, rights, strict=True):
        if isinstance(sign, ast.In | ast.NotIn):
            if not isinstance(right, ast.Tuple | ast.List):
                raise ExpressionError('`in` needs a list, for example `method in ["lora"]`', right.col_offset + 1)
            inside = any(_evaluate(item, values) == value for item in right.elts)
            if inside == isinstance(sign, ast.NotIn):
                return False
            continue
        other = _evaluate(right, values)
        if isinstance(sign, ast.Eq | ast.NotEq):
            if (value == other) == isinstance(sign, ast.NotEq):
                return False
        elif isinstance(value, str) or isinstance(other, str):
            raise ExpressionError(f"{value!r:.40} and {other!r:.40} have no order", right.col_offset + 1)
        elif not _ORDER[type(sign)](value, other):
            return False
        value = other
    return True
