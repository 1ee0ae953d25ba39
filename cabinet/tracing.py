"""Traces by OpenTelemetry: requests, events of pages, transactions of services, jobs of the worker. A leaf.

Off until `start` finds `CABINET_TRACING_URL`: nothing of OpenTelemetry is imported here before, and a span costs a
function call. What leaves the process are names of routes, handlers, services and jobs, how long they took, and the
kind of an error. Messages of errors, addresses, arguments and ids do not leave: they may be somebody's.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from cabinet.config import settings

HIDDEN = frozenset({"session.id", "reflex.event.txid", "reflex.event.parent_txid"})
"""What Reflex would tell of an event and nobody outside needs to know."""

_OFF: AbstractContextManager[Any] = nullcontext()

_tracer: Any = None


class TracingNotInstalled(Exception):
    """`CABINET_TRACING_URL` is set and OpenTelemetry is not there."""

    def __init__(self) -> None:
        super().__init__("CABINET_TRACING_URL needs OpenTelemetry: pip install -r requirements-tracing.txt")


def start() -> Any:
    """Switches traces on where the settings say so; returns their provider, for libraries that trace too, or None.

    Raises:
        TracingNotInstalled: they say so, and the packages are missing.
    """
    url = settings().tracing_url
    if not url:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise TracingNotInstalled from None
    return start_with(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))


def start_with(processor: Any) -> Any:
    """The same with a processor of spans of one's own."""
    global _tracer
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanLimits, TracerProvider
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    made = TracerProvider(
        resource=Resource.create({"service.name": "cabinet", "deployment.environment.name": settings().env.value}),
        sampler=ParentBased(TraceIdRatioBased(settings().tracing_percent / 100)),
        span_limits=SpanLimits(max_events=0),
    )
    made.add_span_processor(processor)
    provider = _Provider(made)
    _tracer = provider.get_tracer("cabinet")
    return provider


def stop() -> None:
    """Switches them off, for tests."""
    global _tracer
    _tracer = None


def span(name: str, **attributes: str | int) -> AbstractContextManager[Any]:
    """A span as long as the block; None in it while traces are off. Dots in attributes are written as two `_`."""
    if _tracer is None:
        return _OFF
    return _tracer.start_as_current_span(
        name, attributes={key.replace("__", "."): value for key, value in attributes.items()}
    )


def answered(span: Any, method: str, route: str, status: int) -> None:
    """Names the span of a request when it is known what answered it."""
    if span is None:
        return
    from opentelemetry.trace import Status, StatusCode

    span.update_name(f"{method} {route}")
    span.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status})
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))


def name_of(function: Any) -> str:
    """What the span of a service is called: `orders.confirm`."""
    name = getattr(function, "__qualname__", type(function).__name__)
    return f"{getattr(function, '__module__', '').rpartition('.')[2]}.{name}"


class _Tracer:
    """A tracer that tells the kind of an error and never its message, and drops what is hidden."""

    def __init__(self, tracer: Any) -> None:
        self._tracer = tracer

    @contextmanager
    def start_as_current_span(self, name: str, **how: Any) -> Iterator[Any]:
        """As OpenTelemetry's own."""
        from opentelemetry.trace import Status, StatusCode

        given: Mapping[str, Any] = how.pop("attributes", None) or {}
        how["attributes"] = {key: value for key, value in given.items() if key not in HIDDEN}
        how |= {"record_exception": False, "set_status_on_exception": False}
        with self._tracer.start_as_current_span(name, **how) as span:
            try:
                yield span
            except Exception as error:
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(Status(StatusCode.ERROR))
                raise


class _Provider:
    """A provider of such tracers."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider

    def get_tracer(self, *name: Any, **more: Any) -> _Tracer:
        """For a library."""
        return _Tracer(self._provider.get_tracer(*name, **more))

    def force_flush(self, timeout_millis: int = 5_000) -> bool:
        """Sends what waits."""
        return self._provider.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Sends what waits and ends."""
        self._provider.shutdown()
