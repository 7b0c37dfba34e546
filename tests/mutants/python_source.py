"""Mutants of a Python file, found in its syntax tree; texts written for people are left alone."""

import ast
import re
from collections.abc import Iterator

from tests.mutants.mutant import Mutant

_COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
}
_ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "//"),
    ast.FloorDiv: ("//", "*"),
    ast.Div: ("/", "*"),
    ast.Mod: ("%", "*"),
    ast.BitOr: ("|", "&"),
    ast.BitAnd: ("&", "|"),
}
_LEFT_OUT = (ast.Raise, ast.AugAssign, ast.Delete)


def mutants(path: str, source: bytes) -> Iterator[Mutant]:
    """Yield every mutant of the file that compiles."""
    for mutant in _Mutants(path, source).found:
        try:
            compile(mutant.applied(), path, "exec")
        except (SyntaxError, ValueError):
            continue
        yield mutant


class _Mutants(ast.NodeVisitor):
    """Collects the mutants of one file; positions of `ast` are lines and UTF-8 columns."""

    def __init__(self, path: str, source: bytes) -> None:
        self._path = path
        self._source = source
        self._starts = [0, *(found.end() for found in re.finditer(b"\n", source))]
        self.found: list[Mutant] = []
        self.visit(ast.parse(source))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(default)
        for statement in node.body:
            self.visit(statement)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave it: positions within it are wrong before Python 3.12."""

    def visit_If(self, node: ast.If) -> None:
        if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return  # a docstring
        if isinstance(node.value, ast.Call | ast.Await):
            self._add(node, "pass", "statement")
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
            self._add(node, "pass", "statement")
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self._add(node.value, "None", "result")
        self.generic_visit(node)

    def visit_Continue(self, node: ast.Continue) -> None:
        self._add(node, "break", "loop")

    def visit_Compare(self, node: ast.Compare) -> None:
        before = [node.left, *node.comparators]
        for left, operator, right in zip(before, node.ops, node.comparators, strict=False):
            was, becomes = _COMPARISONS[type(operator)]
            self._between(left, right, was, becomes, "comparison")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        was, becomes = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._between(left, right, was, becomes, "connective")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if pair := _ARITHMETIC.get(type(node.op)):
            self._between(node.left, node.right, *pair, "arithmetic")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._add(node, self._text(node.operand), "negation")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._add(node, str(not value), "flag")
        elif isinstance(value, int):
            self._add(node, str(value + 1), "number")
        elif isinstance(value, str | bytes) and not re.search(r"\s", str(value)):
            prefix = "b" if isinstance(value, bytes) else ""
            self._add(node, prefix + ('""' if value else '"mutant"'), "text")

    def generic_visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.If | ast.IfExp):
            self._add(node.test, "True", "always")
        if isinstance(node, ast.If | ast.IfExp | ast.While):
            self._add(node.test, "False", "never")
        if isinstance(node, ast.comprehension):
            for condition in node.ifs:
                self._add(condition, "True", "always")
        if isinstance(node, _LEFT_OUT):
            self._add(node, "pass", "statement")
        super().generic_visit(node)

    def _between(self, left: ast.expr, right: ast.expr, was: str, becomes: str, kind: str) -> None:
        start, end = self._span(left)[1], self._span(right)[0]
        text = self._source[start:end].decode()
        pattern = re.escape(was).replace(r"\ ", r"\s+")
        changed = re.sub(rf"(?<!\w){pattern}(?!\w)", becomes, text, count=1)
        if changed != text:
            self._mutant(left.end_lineno or 0, start, end, changed, kind)

    def _add(self, node: ast.expr | ast.stmt, replacement: str, kind: str) -> None:
        start, end = self._span(node)
        if self._source[start:end] != replacement.encode():
            self._mutant(node.lineno, start, end, replacement, kind)

    def _mutant(self, line: int, start: int, end: int, replacement: str, kind: str) -> None:
        found = Mutant(self._path, self._source, line, start, end, replacement, kind)
        self.found.append(found)

    def _text(self, node: ast.expr) -> str:
        start, end = self._span(node)
        return f"({self._source[start:end].decode()})"

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno
        assert node.end_col_offset is not None
        first, last = self._starts[node.lineno - 1], self._starts[node.end_lineno - 1]
        return first + node.col_offset, last + node.end_col_offset


def at_import(source: bytes, line: int) -> bool:
    """Return whether the line is run when the module is imported: it is in no function's body."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return not any(
        node.body[0].lineno <= line <= (node.end_lineno or 0)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, functions)
    )
