"""`Tool`: one thing a model may call.

In comes a typed function, a pydantic model, a JSON Schema or any vendor's definition; out comes one flat definition for
the prompt, and `run` for the call.
"""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from edge_lam._util.extras import require
from edge_lam.errors import InvalidCall, InvalidSchema, InvalidTool
from edge_lam.schema.compile import CompiledSchema, compile_schema
from edge_lam.schema.error import SchemaError
from edge_lam.schema.normalize import normalize_parameters
from edge_lam.tools.results import items_of, json_types
from edge_lam.tools.shapes import read_definition

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    from edge_lam.schema.check import Problem

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,127}")


@dataclass(frozen=True)
class Tool:
    """One tool: its definition, and the function behind it if there is one.

    Attributes:
        name: what the model writes to call it.
        description: what the model reads about it.
        parameters: JSON Schema of the arguments, as the model reads it.
        function: what `run` calls, with the arguments as keywords.
        convert: checks and converts the arguments before `function` sees them; with None they are only checked.
        timeout: seconds after which an agent goes on without the result; None leaves it to the agent.
        repeatable: whether the same call is worth running again although nothing has changed, as for a clock.
    """

    name: str
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    function: Callable[..., Any] | None = field(default=None, repr=False)
    convert: Callable[[dict[str, Any]], dict[str, Any]] | None = field(default=None, repr=False, compare=False)
    timeout: float | None = None
    repeatable: bool = False
    _says_no_required: bool = field(init=False, default=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InvalidTool("a tool has no name", hint='a definition needs "name", "description" and "parameters"')
        if not NAME.fullmatch(self.name):
            hint = "letters, digits and _ . - : /, at most 128"
            raise InvalidTool(f"bad tool name {self.name!r}", tool=self.name, hint=hint)
        if not isinstance(self.description, str):
            raise InvalidTool(f"the description of tool {self.name!r} is not text", tool=self.name)
        if self.timeout is not None and not is_duration(self.timeout):
            message = f"the timeout of tool {self.name!r} must be a number of seconds above 0, not {self.timeout!r}"
            raise InvalidTool(message, tool=self.name)
        given = self.parameters
        object.__setattr__(self, "_says_no_required", not (isinstance(given, Mapping) and "required" in given))
        try:
            object.__setattr__(self, "parameters", normalize_parameters(given))
        except SchemaError as error:
            raise invalid_schema(self.name, error) from error

    @classmethod
    def from_function(
        cls,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        timeout: float | None = None,
        repeatable: bool = False,
    ) -> Tool:
        """Make a tool of a typed function, whose docstring describes it.

        Args:
            function: every parameter typed; the docstring's first paragraph is the description, its "Args" (Google,
                NumPy or Sphinx style) those of the parameters, unless `Field(description=...)` gives one. A method, a
                `functools.partial` or an object that can be called will do too; what a partial has bound is not the
                model's to give.
            name: a name other than the function's.
            description: one other than the docstring's.
            timeout: seconds after which an agent goes on without the result; see `Tool`.
            repeatable: see `Tool`.

        Raises:
            InvalidTool: something in the signature can't be called by name or described in JSON.
        """
        require("pydantic", "tools made of functions", param="tools")
        from edge_lam.tools.described import describe_function
        from edge_lam.tools.signature import plain_function

        if inspect.isclass(function) or not callable(function):
            raise InvalidTool(f"{function!r} is not a function")
        if name is None:
            plain = plain_function(function)
            name = type(function).__name__ if plain.__name__ == "__call__" else plain.__name__
        described = describe_function(function, tool=name)
        if description is None:
            description = described.description
        return cls(name, description, described.parameters, function, described.convert, timeout, repeatable)

    @classmethod
    def from_model(cls, model: type[BaseModel], *, name: str | None = None) -> Tool:
        """Make a tool of a pydantic model: its fields are the parameters, and `run` returns an instance of it.

        Raises:
            InvalidTool: a field can't be described in JSON Schema.
        """
        require("pydantic", "tools made of classes", param="tools")
        from edge_lam.tools.described import describe_model

        name = name or model.__name__
        described = describe_model(model, tool=name)
        return cls(
            *(name, described.description, described.parameters, _itself),
            lambda arguments: {"instance": model.model_validate(arguments)},
        )

    @classmethod
    def from_schema(cls, definition: Mapping[str, Any], *, function: Callable[..., Any] | None = None) -> Tool:
        """Make a tool of any vendor's definition.

        Args:
            definition: of any shape that `edge_lam.tools.shapes` knows, such as OpenAI's, Anthropic's, MCP's or xLAM's.
            function: called with the arguments as they are decoded.

        Raises:
            InvalidTool: the definition has no name, no or two schemas, or is a tool of its vendor's server.
            InvalidSchema: the parameters are no JSON Schema.
        """
        if not isinstance(definition, Mapping):
            raise InvalidTool(f"a tool definition must be an object, not {type(definition).__name__}")
        read = read_definition(definition)
        return cls(read.name, read.description, read.parameters, function)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the function as Python code does: nothing is checked or converted.

        Raises:
            InvalidTool: there is no function behind this tool.
        """
        if self.function is None:
            raise InvalidTool(f"tool {self.name!r} has no function to run", tool=self.name)
        return self.function(*arguments, **named)

    def definition(self, *, as_given: bool = False) -> dict[str, Any]:
        """Return the flat definition that goes into the prompt.

        Args:
            as_given: leave out ``"required": []`` where whoever made the tool did.
        """
        parameters = self.parameters
        if as_given and self._says_no_required:
            parameters = {key: value for key, value in parameters.items() if key != "required"}
        return {"name": self.name, "description": self.description, "parameters": parameters}

    @cached_property
    def schema(self) -> CompiledSchema:
        """How arguments are held to the parameters: what the grammar enforces, and what is checked afterwards."""
        return compile_schema(self.parameters)

    def parse(self, arguments: dict[str, Any]) -> Any:
        """Return the arguments as the tool gets them: an instance of a pydantic model, else a value for each by name.

        Raises:
            InvalidCall: they don't fit the parameters.
        """
        values = self.check(arguments)
        return values["instance"] if self.function is _itself else values

    def validate(self, arguments: dict[str, Any]) -> list[Problem]:
        """Check the arguments of a call against the parameters; nothing is converted.

        Args:
            arguments: decoded JSON, by parameter name.

        Returns:
            What is wrong with them; what no one can check is a problem too.
        """
        return self.schema.problems(arguments)

    def run(self, arguments: dict[str, Any]) -> Any:
        """Call the function, with its arguments checked and converted.

        Args:
            arguments: decoded JSON, by parameter name.

        Returns:
            What the function returns; a coroutine is run to its end. The items of a generator, async or not, are
            returned as a list, in JSON types.

        Raises:
            InvalidCall: the arguments don't fit the parameters.
            InvalidTool: there is no function behind this tool.
            Exception: whatever the function raises, unchanged.
        """
        result = self.bind(arguments)()
        if inspect.iscoroutine(result):
            result = self._await(result)
        if isinstance(result, AsyncIterator):
            return self._await(items_of(result))
        return json_types(result) if isinstance(result, Iterator) else result

    def bind(self, arguments: dict[str, Any]) -> Callable[[], Any]:
        """Check and convert the arguments, and return the function with them, to be called without any.

        Raises:
            InvalidCall: the arguments don't fit the parameters.
            InvalidTool: there is no function behind this tool.
        """
        if self.function is None:
            raise InvalidTool(f"tool {self.name!r} has no function to run", tool=self.name)
        return partial(self.function, **self.check(arguments))

    def check(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments as the function gets them.

        Raises:
            InvalidCall: they don't fit the parameters.
        """
        if self.convert:
            from pydantic import ValidationError

            try:
                return self.convert(arguments)
            except ValidationError as error:
                faults = faults_of(error)
        else:
            faults = "; ".join(map(str, self.validate(arguments)))
            if not faults:
                return arguments
        raw = json.dumps(arguments, ensure_ascii=False, default=str)
        raise InvalidCall(f"{self.name}: {faults}", raw=raw, tool=self.name)

    def _await(self, coroutine: Any) -> Any:
        import asyncio

        try:
            asyncio.get_running_loop()
        except RuntimeError:  # none runs in this thread
            return asyncio.run(coroutine)
        coroutine.close()
        raise InvalidTool(
            f"tool {self.name!r} is async and can't run inside a running event loop",
            tool=self.name,
            hint="call it from another thread, such as with asyncio.to_thread",
        )


def invalid_schema(tool: str, error: SchemaError) -> InvalidSchema:
    """Return the error for a tool whose schema is at fault."""
    return InvalidSchema(f"tool {tool!r}: {error}", tool=tool, path=error.path, hint=error.hint)


def is_duration(value: object) -> bool:
    """Tell whether a value is a number of seconds that one can wait."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def _itself(instance: Any) -> Any:
    """Return the argument: what a tool made of a model has to do once the model holds the arguments."""
    return instance


def faults_of(error: ValidationError) -> str:
    """Return pydantic's findings in one line: ``city: Field required; days: Input should be …``."""
    findings = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, finding['loc'])) or 'arguments'}: {finding['msg']}" for finding in findings)
