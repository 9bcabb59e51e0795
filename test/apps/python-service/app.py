"""A Flask service with the OpenTelemetry SDK for Python. It exports over OTLP. When it gets SIGTERM, it writes what an
in-memory reader received to the file RECORDED_FILE."""

import json
import os
import signal
import sys
import threading

from flask import Flask
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from werkzeug.serving import make_server

memory = InMemoryMetricReader()
meter_provider = MeterProvider(
    metric_readers=[memory, PeriodicExportingMetricReader(OTLPMetricExporter())],
    views=[View(instrument_name="order.size", aggregation=ExponentialBucketHistogramAggregation())],
)
metrics.set_meter_provider(meter_provider)
tracer_provider = TracerProvider()
if os.environ.get("OTEL_TRACES_EXPORTER") != "none":
    tracer_provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(tracer_provider)
SystemMetricsInstrumentor().instrument()

meter = metrics.get_meter("shop")
orders = meter.create_counter("orders", unit="{order}")
cart_items = meter.create_up_down_counter("cart.items", unit="{item}")
temperature = meter.create_gauge("room.temperature", unit="Cel")
order_value = meter.create_histogram("order.value", unit="EUR")
order_size = meter.create_histogram("order.size", unit="By")

app = Flask("shop")
FlaskInstrumentor().instrument_app(app)


@app.get("/orders/<int:number>")
def get_order(number):
    orders.add(number, {"channel": "web"})
    orders.add(1, {"channel": "phone"})
    cart_items.add(number if number % 2 == 0 else -1)
    temperature.set(20 + number / 10)
    order_value.record(number * 1.5)
    order_size.record(number * 1000)
    return {"number": number}


@app.get("/fail")
def fail():
    return "failed", 500


def to_json(metric, point):
    fields = {
        "name": metric.name,
        "unit": metric.unit,
        "attributes": dict(point.attributes),
        "kind": type(metric.data).__name__,
    }
    for name in ("value", "count", "sum", "min", "max", "explicit_bounds", "bucket_counts", "scale", "zero_count"):
        if hasattr(point, name):
            fields[name] = getattr(point, name)
    if hasattr(point, "positive"):
        fields["offset"] = point.positive.offset
        fields["bucket_counts"] = point.positive.bucket_counts
    return fields


def write_recorded():
    points = [
        to_json(metric, point)
        for resource in memory.get_metrics_data().resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    ]
    with open(os.environ["RECORDED_FILE"], "w", encoding="utf-8") as file:
        json.dump(points, file, default=list)


server = make_server("127.0.0.1", 0, app, threaded=True)


def stop(_signal, _frame):
    # `shutdown` waits for the loop that this handler interrupts.
    threading.Thread(target=server.shutdown).start()


signal.signal(signal.SIGTERM, stop)
print(f"Ready: http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
write_recorded()
meter_provider.shutdown()
tracer_provider.shutdown()
sys.exit(0)
