"""The interface of local engines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from engine import sam
from engine.deploy import Resources
from engine.stack import Stack
from engine.templates import Template


class LocalEngine(ABC):
    """An engine that answers as AWS on one machine. The defaults are those of an engine with an HTTP API at its IP address."""

    name: str

    # Parameters of the templates that the engine needs.
    parameters: Mapping[str, str] = {}

    def require(self) -> None:  # noqa: B027 - MiniStack needs nothing more
        """Fails with one line if the machine lacks something that the engine needs."""

    @abstractmethod
    def start(self, stack: Stack) -> None:
        """Starts the engine in the background, and waits until it is healthy."""

    @abstractmethod
    def is_running(self, stack: Stack) -> bool:
        """Whether `start` has started the engine, and nobody has stopped it."""

    @abstractmethod
    def is_healthy(self, stack: Stack) -> bool:
        """Whether the engine answers."""

    @abstractmethod
    def stop(self, stack: Stack) -> bool:
        """Stops the engine and deletes its data, and returns whether it was running."""

    def endpoint(self, stack: Stack) -> str:
        """Returns the endpoint of AWS."""
        return stack.engine_url

    def api_origin(self, stack: Stack, resources: Resources) -> str:
        """Returns the origin of the deployed HTTP API, without a path."""
        return stack.origin

    def socket_url(self, stack: Stack, resources: Resources) -> str:
        """Returns the URL of the deployed WebSocket API."""
        return f"{stack.origin.replace('http', 'ws')}/_aws/execute-api/{resources['AWS::ApiGatewayV2::Api']['SocketApi']}/live"

    def adapt(self, template: Template, endpoint: str, read_object: Callable[[str, str], bytes]) -> Template:
        """Replaces what the engine ignores or refuses, in a template after the SAM transform. Its CloudFormation calls this.

        `read_object` returns an object of a bucket.
        """
        return sam.adapt(template, endpoint, read_object)
