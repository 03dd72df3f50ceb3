"""Which AWS calls a function's code makes, read from the code without running it.

``functions/<name>/app.py`` is interpreted with abstract values: it is followed through ``wiring``,
the use cases and the adapters to every ``client.operation(...)``. Values are kept only as far as
they say which client is called, which setting names the resource, and how a key begins. Both
branches of a condition are taken unless it asks for a setting whose value the template fixes, so
what is found is what the code can call, never less.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mri_analysis.settings import Settings

# Where the modules that are followed lie; anything else is a library.
_PACKAGES = {
    "mri_analysis": "layers/mri_analysis/mri_analysis",
    "migrations": "migrations",
    "reading_api": "functions/api/reading_api",
}

# Powertools classes that keep their state in a table: their own calls are read from their source.
_TABLE_CLASSES = {
    "DynamoDBPersistenceLayer": "aws_lambda_powertools.utilities.idempotency",
    "CircuitBreakerDynamoDBPersistence": (
        "aws_lambda_powertools.utilities.circuit_breaker.persistence"
    ),
}

# Methods of every client that call no service.
_LOCAL_METHODS = {"get_waiter", "can_paginate", "close", "meta", "exceptions"}

_DEPTH = 60


@dataclass(frozen=True)
class Constant:
    """A value that is written in the code."""

    value: Any


@dataclass(frozen=True)
class FromSetting:
    """The value of a setting."""

    name: str


@dataclass(frozen=True)
class Beginning:
    """A text of which only the beginning is known."""

    prefix: str


@dataclass(frozen=True)
class Field:
    """A field of the event or of something read from it."""

    name: str


@dataclass(frozen=True)
class Client:
    """A boto3 client."""

    service: str


@dataclass(frozen=True)
class Library:
    """Something of a library that is not followed."""

    name: str


@dataclass(frozen=True)
class AllSettings:
    """The settings object."""


@dataclass(eq=False)
class Module:
    """A followed module; its names are looked up when they are asked for."""

    name: str
    path: Path
    tree: ast.Module
    names: dict[str, Values] = field(default_factory=dict)


@dataclass(eq=False)
class Class:
    """A class of a followed module."""

    module: Module
    node: ast.ClassDef


@dataclass(eq=False)
class Function:
    """A function, method, lambda or nested function with what it can see."""

    module: Module
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    outer: Scope | None = None
    bound: Instance | None = None


@dataclass(eq=False)
class Instance:
    """An object of a followed class."""

    of: Class
    attributes: dict[str, Values] = field(default_factory=dict)


@dataclass(eq=False)
class Container:
    """A list, tuple, set or dictionary."""

    items: set[Any] = field(default_factory=set)
    by_key: dict[str, Values] = field(default_factory=dict)


@dataclass(eq=False)
class Method:
    """A method of a container, client or library object, not called yet."""

    of: Any
    name: str


Value = Any
Values = frozenset[Value]

NOTHING: Values = frozenset()

# Stands beside known values where another way through the code gives one that is not known.
UNKNOWN: Values = frozenset({Library("unknown")})


@dataclass(frozen=True)
class Call:
    """One call of a service."""

    service: str
    operation: str
    arguments: Mapping[str, Values]
    where: str

    def argument(self, name: str) -> Values:
        """What is known of an argument."""
        return self.arguments.get(name, NOTHING)


@dataclass
class Scope:
    """The names of a running function."""

    module: Module
    outer: Scope | None = None
    names: dict[str, Values] = field(default_factory=dict)
    returned: set[Value] = field(default_factory=set)


@dataclass(frozen=True)
class Environment:
    """What the template sets for a function."""

    variables: Mapping[str, Any]

    def of_setting(self, name: str) -> Any:
        """The value of a setting; an intrinsic function where the template computes it."""
        if name.upper() in self.variables:
            return self.variables[name.upper()]
        return Settings.model_fields[name].default if name in Settings.model_fields else None


class UnknownCall(Exception):
    """The code calls AWS in a way that this module cannot follow."""


class _Reader:
    """Interprets one function."""

    def __init__(self, base: Path, environment: Environment) -> None:
        self._base = base
        self._environment = environment
        self._modules: dict[str, Module | None] = {}
        self._classes: dict[int, Class] = {}
        self._functions: dict[int, Function] = {}
        self._kept: dict[int, Values] = {}
        self._running: list[tuple[int, int]] = []
        self.calls: list[Call] = []

    # ---- modules and names -------------------------------------------------------------------

    def read(self, name: str) -> list[Call]:
        """All calls that ``functions/<name>/app.py`` can make."""
        path = self._base / "functions" / name / "app.py"
        module = Module("app", path, ast.parse(path.read_text()))
        self._enter(module)
        return self.calls

    def _enter(self, module: Module) -> None:
        """Run a module and whatever a framework will call in it."""
        scope = Scope(module)
        for statement in module.tree.body:
            if isinstance(statement, ast.FunctionDef) and statement.decorator_list:
                self._run(Function(module, statement), {})
            elif not isinstance(statement, ast.FunctionDef | ast.ClassDef):
                self._statement(statement, scope)

    def _module(self, name: str) -> Module | None:
        if name not in self._modules:
            path = self._path(name)
            tree = ast.parse(path.read_text()) if path else None
            module = Module(name, path, tree) if path and tree else None
            self._modules[name] = module
            if module and _has_routes(module.tree):
                self._enter(module)
        return self._modules[name]

    def _path(self, name: str) -> Path | None:
        package, *rest = name.split(".")
        if package not in _PACKAGES:
            return None
        path = self._base.joinpath(_PACKAGES[package], *rest)
        if path.is_dir():
            path = path / "__init__"
        file = path.with_suffix(".py")
        return file if file.exists() else None

    def _name(self, module: Module, name: str) -> Values:
        """A name of a module's top level."""
        if name in module.names:
            return module.names[name]
        module.names[name] = NOTHING  # a name that is defined by itself
        scope = Scope(module)
        for statement in ast.walk(module.tree) if name != "*" else ():
            if isinstance(statement, ast.Import | ast.ImportFrom):
                self._import(statement, scope, only=name)
        for statement in module.tree.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == name:
                scope.names[name] = frozenset({self._function(module, statement)})
            elif isinstance(statement, ast.ClassDef) and statement.name == name:
                scope.names[name] = frozenset({self._class(module, statement)})
            elif isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value:
                targets = (
                    statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                )
                if any(isinstance(t, ast.Name) and t.id == name for t in targets):
                    scope.names[name] = self._value(statement.value, scope)
        module.names[name] = scope.names.get(name, NOTHING)
        return module.names[name]

    def _function(self, module: Module, node: ast.FunctionDef) -> Function:
        return self._functions.setdefault(id(node), Function(module, node))

    def _class(self, module: Module, node: ast.ClassDef) -> Class:
        return self._classes.setdefault(id(node), Class(module, node))

    def _import(
        self, statement: ast.Import | ast.ImportFrom, scope: Scope, only: str | None = None
    ) -> None:
        for alias in statement.names:
            bound = alias.asname or alias.name.split(".")[0]
            if only is not None and bound != only:
                continue
            if isinstance(statement, ast.Import):
                target = alias.name if alias.asname else bound
                scope.names[bound] = frozenset({self._module(target) or Library(target)})
                continue
            package = statement.module or ""
            inner = self._module(f"{package}.{alias.name}")
            owner = self._module(package)
            if inner is not None:
                scope.names[bound] = frozenset({inner})
            elif owner is not None:
                scope.names[bound] = self._name(owner, alias.name)
            else:
                scope.names[bound] = frozenset({Library(f"{package}.{alias.name}")})

    # ---- statements --------------------------------------------------------------------------

    def _block(self, statements: list[ast.stmt], scope: Scope) -> bool:
        """Run statements; whether the block surely ends in a return or raise."""
        return any(self._statement(statement, scope) for statement in statements)

    def _statement(self, statement: ast.stmt, scope: Scope) -> bool:
        match statement:
            case ast.Return(value=value):
                scope.returned |= (
                    (self._value(value, scope) or UNKNOWN) if value else {Constant(None)}
                )
                return True
            case ast.Raise(exc=value):
                if value:
                    self._value(value, scope)
                return True
            case ast.If():
                return self._if(statement, scope)
            case ast.For(target=target, iter=iterated, body=body, orelse=orelse):
                self._bind(target, self._items(self._value(iterated, scope)), scope)
                self._block(body, scope)
                self._block(orelse, scope)
            case ast.While(test=test, body=body):
                self._value(test, scope)
                self._block(body, scope)
            case ast.With(items=items, body=body):
                for item in items:
                    entered = self._value(item.context_expr, scope)
                    if item.optional_vars is not None:
                        self._bind(item.optional_vars, entered, scope)
                return self._block(body, scope)
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
                ended = self._block(body, scope)
                for handler in handlers:
                    ended = self._block(handler.body, scope) and ended
                self._block(orelse, scope)
                self._block(final, scope)
                return ended and not orelse
            case ast.FunctionDef(name=name):
                nested = Function(scope.module, statement, outer=scope)
                scope.names[name] = frozenset({nested})
                if statement.decorator_list:
                    self._run(nested, {})
            case ast.Assign(targets=targets, value=value):
                found = self._value(value, scope)
                for target in targets:
                    self._bind(target, found, scope)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._bind(target, self._value(value, scope), scope)
            case ast.AugAssign(target=target, value=value):
                self._bind(target, self._value(value, scope), scope)
            case ast.Import() | ast.ImportFrom():
                self._import(statement, scope)
            case ast.Expr(value=value):
                self._value(value, scope)
            case ast.Match(subject=subject, cases=cases):
                self._value(subject, scope)
                for case in cases:
                    self._block(case.body, scope)
            case ast.Assert(test=test):
                self._value(test, scope)
        return False

    def _if(self, statement: ast.If, scope: Scope) -> bool:
        truth = self._truth(statement.test, scope)
        if truth is True:
            return self._block(statement.body, scope)
        if truth is False:
            return self._block(statement.orelse, scope)
        then = self._block(statement.body, scope)
        otherwise = self._block(statement.orelse, scope)
        return then and otherwise and bool(statement.orelse)

    def _truth(self, test: ast.expr, scope: Scope) -> bool | None:
        """Whether a condition holds; None where the code alone does not say."""
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self._truth(operand, scope)
                return None if inner is None else not inner
            case ast.BoolOp(op=operator, values=parts):
                found = [self._truth(part, scope) for part in parts]
                decisive = isinstance(operator, ast.Or)
                if decisive in found:
                    return decisive
                return None if None in found else not decisive
            case ast.Compare(
                left=left, ops=[ast.Eq() | ast.NotEq() as operator], comparators=[right]
            ):
                ours, theirs = self._plain(left, scope), self._plain(right, scope)
                if ours is None or theirs is None:
                    return None
                return (ours == theirs) == isinstance(operator, ast.Eq)
            case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot() as operator]):
                values = self._value(left, scope)
                if values == {Constant(None)}:
                    return isinstance(operator, ast.Is)
                return None
            case ast.Name() | ast.Attribute() | ast.Constant():
                plain = self._plain(test, scope)
                return None if plain is None else bool(plain[0])
        self._value(test, scope)
        return None

    def _plain(self, expression: ast.expr, scope: Scope) -> tuple[Any] | None:
        """The one value of an expression where it is fixed."""
        values = self._value(expression, scope)
        if len(values) != 1:
            return None
        (value,) = values
        if isinstance(value, Constant):
            return (value.value,)
        if isinstance(value, FromSetting):
            set_to = self._environment.of_setting(value.name)
            return None if isinstance(set_to, dict | list) else (set_to,)
        return None

    def _bind(self, target: ast.expr, values: Values, scope: Scope) -> None:
        match target:
            case ast.Name(id=name):
                scope.names[name] = scope.names.get(name, NOTHING) | (values or UNKNOWN)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                inner = self._items(values)
                # Items of ordered pairs are mixed: a name may get what belongs to its neighbour.
                for part in parts:
                    self._bind(part, inner or values, scope)
            case ast.Attribute(value=owner, attr=name):
                for instance in self._value(owner, scope):
                    if isinstance(instance, Instance):
                        known = instance.attributes.get(name, NOTHING)
                        instance.attributes[name] = known | values
            case ast.Subscript(value=owner, slice=key):
                for container in self._value(owner, scope):
                    if isinstance(container, Container):
                        _put(container, self._value(key, scope), values)

    # ---- expressions -------------------------------------------------------------------------

    def _value(self, expression: ast.expr, scope: Scope) -> Values:
        match expression:
            case ast.Constant(value=value):
                return frozenset({Constant(value)})
            case ast.Name(id=name):
                return self._lookup(name, scope)
            case ast.Attribute(value=owner, attr=name):
                found: Values = NOTHING
                for value in self._value(owner, scope):
                    found |= self._attribute(value, name)
                return found
            case ast.Call():
                return self._call(expression, scope)
            case ast.JoinedStr(values=parts):
                return self._joined(parts, scope)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                self._value(right, scope)
                return frozenset(
                    Beginning(v.value if isinstance(v, Constant) else v.prefix)
                    if isinstance(v, Beginning) or _is_text(v)
                    else v
                    for v in self._value(left, scope)
                )
            case ast.IfExp(test=test, body=body, orelse=orelse):
                truth = self._truth(test, scope)
                then = NOTHING if truth is False else self._value(body, scope) or UNKNOWN
                if truth is True:
                    return then
                return then | (self._value(orelse, scope) or UNKNOWN)
            case ast.BoolOp(values=parts):
                found = NOTHING
                for part in parts:
                    found |= self._value(part, scope) or UNKNOWN
                return found
            case ast.Await(value=value):
                return self._value(value, scope)
            case ast.Lambda():
                return frozenset({Function(scope.module, expression, outer=scope)})
            case ast.Dict(keys=keys, values=values):
                return frozenset({self._dictionary(keys, values, scope)})
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                made = Container()
                for part in parts:
                    made.items |= self._value(part, scope)
                return frozenset({made})
            case ast.Subscript(value=owner, slice=key):
                return self._subscript(self._value(owner, scope), self._value(key, scope))
            case ast.NamedExpr(target=target, value=value):
                held = self._value(value, scope)
                self._bind(target, held, scope)
                return held
            case ast.Starred(value=value):
                return self._items(self._value(value, scope))
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp() | ast.DictComp():
                return self._comprehension(expression, scope)
        for inner in ast.iter_child_nodes(expression):
            if isinstance(inner, ast.expr):
                self._value(inner, scope)
        return NOTHING

    def _lookup(self, name: str, scope: Scope) -> Values:
        inner: Scope | None = scope
        while inner is not None:
            if name in inner.names:
                return inner.names[name]
            inner = inner.outer
        return self._name(scope.module, name)

    def _attribute(self, value: Value, name: str) -> Values:
        match value:
            case Module():
                inner = self._module(f"{value.name}.{name}")
                return frozenset({inner}) if inner else self._name(value, name)
            case Library(name=library):
                return frozenset({Library(f"{library}.{name}")})
            case AllSettings():
                return frozenset({FromSetting(name)})
            case Instance():
                return self._of_instance(value, name)
            case Class():
                method = _method(value.node, name)
                if method is not None:
                    return frozenset({Function(value.module, method)})
                return frozenset({Method(value, name)})
            case Client() | Container() | FromSetting():
                return frozenset({Method(value, name)})
            case Field():
                return frozenset({Field(name)})
        return NOTHING

    def _of_instance(self, instance: Instance, name: str) -> Values:
        if name in instance.attributes:
            return instance.attributes[name]
        for owner in self._lineage(instance.of):
            method = _method(owner.node, name)
            if method is None:
                continue
            function = Function(owner.module, method, bound=instance)
            if _decorated(method, "property", "cached_property"):
                return self._run(function, {})
            return frozenset({function})
        return frozenset({Field(name)})

    def _lineage(self, of: Class) -> Iterator[Class]:
        yield of
        for base in of.node.bases:
            for parent in self._value(base, Scope(of.module)):
                if isinstance(parent, Class):
                    yield from self._lineage(parent)

    def _joined(self, parts: list[ast.expr], scope: Scope) -> Values:
        for part in parts:
            if isinstance(part, ast.FormattedValue):
                self._value(part.value, scope)
        if parts and isinstance(parts[0], ast.Constant):
            return frozenset({Beginning(str(parts[0].value))})
        if parts and isinstance(parts[0], ast.FormattedValue):
            return frozenset(
                Beginning(v.prefix) if isinstance(v, Beginning) else v
                for v in self._value(parts[0].value, scope)
                if isinstance(v, Beginning | FromSetting)
            )
        return NOTHING

    def _dictionary(
        self, keys: list[ast.expr | None], values: list[ast.expr], scope: Scope
    ) -> Container:
        made = Container()
        for key, value in zip(keys, values, strict=True):
            held = self._value(value, scope)
            if key is None:
                for inner in held:
                    if isinstance(inner, Container):
                        made.items |= inner.items
                        made.by_key.update(inner.by_key)
            else:
                _put(made, self._value(key, scope), held)
        return made

    def _subscript(self, owners: Values, keys: Values) -> Values:
        names = [key.value for key in keys if isinstance(key, Constant)]
        found: Values = NOTHING
        for owner in owners:
            if isinstance(owner, Container):
                known = [owner.by_key[name] for name in names if name in owner.by_key]
                found |= known[0] if known else frozenset(owner.items)
        return found

    def _items(self, values: Values) -> Values:
        found: Values = NOTHING
        for value in values:
            if isinstance(value, Container):
                found |= frozenset(value.items)
                for held in value.by_key.values():
                    found |= held
            elif isinstance(value, Client | Instance | Field):
                found |= frozenset({value})
        return found

    def _comprehension(
        self,
        expression: ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp,
        scope: Scope,
    ) -> Values:
        inner = Scope(scope.module, outer=scope)
        for generator in expression.generators:
            self._bind(generator.target, self._items(self._value(generator.iter, inner)), inner)
            for test in generator.ifs:
                self._value(test, inner)
        held = Container()
        parts = (
            [expression.key, expression.value]
            if isinstance(expression, ast.DictComp)
            else [expression.elt]
        )
        for part in parts:
            held.items |= self._value(part, inner)
        return frozenset({held})

    # ---- calls -------------------------------------------------------------------------------

    def _call(self, call: ast.Call, scope: Scope) -> Values:
        positional = [self._value(argument, scope) for argument in call.args]
        named: dict[str, Values] = {}
        for keyword in call.keywords:
            values = self._value(keyword.value, scope)
            if keyword.arg is not None:
                named[keyword.arg] = values
                continue
            for value in values:
                if isinstance(value, Container):
                    named.update(value.by_key)
        found: Values = NOTHING
        for callee in self._value(call.func, scope):
            found |= self._called(callee, positional, named, call, scope)
        if not found:
            self._escape([*positional, *named.values()])
        return found

    def _called(
        self,
        callee: Value,
        positional: list[Values],
        named: dict[str, Values],
        call: ast.Call,
        scope: Scope,
    ) -> Values:
        match callee:
            case Function():
                if _is_settings(callee):
                    return frozenset({AllSettings()})
                if isinstance(callee.node, ast.FunctionDef) and _decorated(callee.node, "cache"):
                    if id(callee.node) not in self._kept:
                        self._kept[id(callee.node)] = self._run(callee, {})
                    return self._kept[id(callee.node)]
                return self._run(callee, _arguments(callee, positional, named))
            case Class():
                return self._instantiate(callee, positional, named)
            case Library(name="boto3.client" | "boto3.Session.client"):
                return frozenset(
                    Client(service.value)
                    for service in positional[0]
                    if isinstance(service, Constant)
                )
            case Library(name="boto3.resource"):
                raise UnknownCall("boto3.resource is not followed: use boto3.client.")
            case Library(name="boto3.Session" | "boto3.session.Session"):
                return frozenset({Library("boto3.Session")})
            case Library(name=name):
                self._library(name, positional, named, call, scope)
                self._escape([*positional, *named.values()])
                return NOTHING
            case Method(of=Client(service=service), name=name):
                return self._client_method(service, name, positional, named, call, scope)
            case Method(of=Container() as container, name=name):
                return self._container_method(container, name, positional)
            case Method(of=FromSetting() as setting):
                return frozenset({setting})  # ``url.rstrip("/")`` is still that setting
            case Method(of=Class() as made):
                # model_validate and its like: an object whose fields come from the event.
                self._escape([*positional, *named.values()])
                return frozenset({Instance(made)})
        return NOTHING

    def _instantiate(
        self, made: Class, positional: list[Values], named: dict[str, Values]
    ) -> Values:
        instance = Instance(made)
        for owner in self._lineage(made):
            constructor = _method(owner.node, "__init__")
            if constructor is not None:
                function = Function(owner.module, constructor, bound=instance)
                self._run(function, _arguments(function, positional, named))
                return frozenset({instance})
        fields = [
            statement.target.id
            for owner in self._lineage(made)
            for statement in owner.node.body
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
        ]
        instance.attributes.update(zip(fields, positional, strict=False))
        instance.attributes.update(named)
        return frozenset({instance})

    def _run(self, function: Function, given: dict[str, Values]) -> Values:
        """What a function can return, with its calls noted on the way."""
        key = (id(function.node), id(function.bound))
        if key in self._running or len(self._running) > _DEPTH:
            return NOTHING
        scope = Scope(function.module, outer=function.outer)
        arguments = function.node.args
        ordered = [*arguments.posonlyargs, *arguments.args]
        for parameter in [*ordered, *arguments.kwonlyargs]:
            scope.names[parameter.arg] = NOTHING
        if function.bound is not None and ordered:
            scope.names[ordered[0].arg] = frozenset({function.bound})
        # ``zip`` from the end: defaults belong to the last parameters.
        defaults = dict(
            zip([p.arg for p in reversed(ordered)], reversed(arguments.defaults), strict=False)
        )
        for parameter, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if value is not None:
                defaults[parameter.arg] = value
        for name, default in defaults.items():
            if name not in given:
                scope.names[name] = self._value(default, scope)
        scope.names.update(given)
        self._running.append(key)
        try:
            if isinstance(function.node, ast.Lambda):
                return self._value(function.node.body, scope)
            self._block(function.node.body, scope)
        finally:
            self._running.pop()
        return frozenset(scope.returned)

    def _escape(self, values: list[Values]) -> None:
        """A function given to a library is called by it."""
        for held in values:
            for value in held:
                if isinstance(value, Function):
                    self._run(value, {})

    def _container_method(
        self, container: Container, name: str, positional: list[Values]
    ) -> Values:
        if name in ("append", "add", "extend", "insert"):
            for values in positional:
                container.items |= self._items(values) if name == "extend" else values
            return frozenset({Constant(None)})
        if name in ("get", "pop", "setdefault") and positional:
            return self._subscript(frozenset({container}), positional[0])
        if name in ("values", "items", "copy"):
            return frozenset({container})
        return NOTHING

    def _client_method(
        self,
        service: str,
        name: str,
        positional: list[Values],
        named: dict[str, Values],
        call: ast.Call,
        scope: Scope,
    ) -> Values:
        if name in _LOCAL_METHODS:
            return NOTHING
        if name == "get_paginator":
            (operation,) = (v.value for v in positional[0] if isinstance(v, Constant))
            return frozenset({Method(Client(service), f"paginate:{operation}")})
        arguments = {str(index): values for index, values in enumerate(positional)} | named
        self._note(service, name.removeprefix("paginate:"), arguments, call, scope)
        return NOTHING

    def _library(
        self,
        name: str,
        positional: list[Values],
        named: dict[str, Values],
        call: ast.Call,
        scope: Scope,
    ) -> None:
        short = name.rpartition(".")[2]
        if short in _TABLE_CLASSES:
            table = named.get("table_name") or (positional[0] if positional else NOTHING)
            for operation in _table_operations(short):
                self._note("dynamodb", operation, {"TableName": table}, call, scope)
        elif short == "AWSRequest":
            verbs = [v.value for v in positional[0] if isinstance(v, Constant)]
            for verb in verbs:
                self._note("signed-http", verb, {"url": positional[1]}, call, scope)
        elif short == "perform_request":  # opensearch-py, which knows one address
            url: Values = frozenset({FromSetting("knowledge_search_url")})
            for verb in {v.value for v in positional[0] if isinstance(v, Constant)}:
                self._note("signed-http", verb, {"url": url}, call, scope)

    def _note(
        self,
        service: str,
        operation: str,
        arguments: Mapping[str, Values],
        call: ast.Call,
        scope: Scope,
    ) -> None:
        where = f"{scope.module.path.relative_to(self._base)}:{call.lineno}"
        self.calls.append(Call(service, operation, arguments, where))


def calls_of(base: Path, function: str, environment: Environment) -> list[Call]:
    """All AWS calls that ``functions/<function>/app.py`` can make in this environment."""
    return _Reader(base, environment).read(function)


def beginnings(values: Values, event: Any) -> set[str] | None:
    """First folders of the keys in ``values``; None where one of them is not known.

    A key that comes with the event is looked up by its field's name in the sample event.
    """
    found: set[str] = set()
    for value in values:
        if isinstance(value, Beginning):
            texts = [value.prefix]
        elif isinstance(value, Constant) and isinstance(value.value, str):
            texts = [value.value]
        elif isinstance(value, Field):
            texts = list(_in_event(event, value.name))
        else:
            texts = []
        folders = {text.split("/")[0] + "/" for text in texts if "/" in text}
        if not folders:
            return None
        found |= folders
    return found or None


def _in_event(event: Any, name: str) -> Iterator[str]:
    """Texts of the fields called ``name``, in JSON documents within the event too."""
    if isinstance(event, str) and event.startswith(("{", "[")):
        try:
            event = json.loads(event)
        except ValueError:
            return
    if isinstance(event, dict):
        for key, value in event.items():
            if key == name and isinstance(value, str):
                yield value
            yield from _in_event(value, name)
    elif isinstance(event, list):
        for value in event:
            yield from _in_event(value, name)


def _arguments(
    function: Function, positional: list[Values], named: dict[str, Values]
) -> dict[str, Values]:
    arguments = function.node.args
    names = [parameter.arg for parameter in [*arguments.posonlyargs, *arguments.args]]
    if function.bound is not None:
        names = names[1:]
    return dict(zip(names, positional, strict=False)) | named


def _method(node: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == name:
            return statement
    return None


def _decorated(node: ast.FunctionDef, *names: str) -> bool:
    return any(isinstance(d, ast.Name) and d.id in names for d in node.decorator_list)


def _has_routes(tree: ast.Module) -> bool:
    """Whether a framework calls functions of a module: ``@router.get("/jobs")``."""
    variables = {
        target.id
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    return any(
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and isinstance(decorator.func.value, ast.Name)
        and decorator.func.value.id in variables
        for statement in tree.body
        if isinstance(statement, ast.FunctionDef)
        for decorator in statement.decorator_list
    )


def _is_settings(function: Function) -> bool:
    return (
        isinstance(function.node, ast.FunctionDef)
        and function.node.name == "settings"
        and function.module.name == "mri_analysis.settings"
    )


def _is_text(value: Value) -> bool:
    return isinstance(value, Constant) and isinstance(value.value, str)


def _put(container: Container, keys: Values, values: Values) -> None:
    for key in keys:
        if isinstance(key, Constant):
            known = container.by_key.get(key.value, NOTHING)
            container.by_key[key.value] = known | values
        else:
            container.items |= values


def _table_operations(name: str) -> set[str]:
    """The client operations in the source of a class of Powertools."""
    made = getattr(importlib.import_module(_TABLE_CLASSES[name]), name)
    tree = ast.parse(inspect.getsource(made))
    return {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Attribute)
        and node.func.value.attr == "client"
    }
