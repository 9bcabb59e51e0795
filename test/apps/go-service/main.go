// A service with the OpenTelemetry SDK for Go. It exports over OTLP. When it gets SIGTERM, it writes what an in-memory
// reader received to the file RECORDED_FILE.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"go.opentelemetry.io/contrib/instrumentation/host"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
)

// point is a data point of the in-memory reader.
type point struct {
	Name           string         `json:"name"`
	Unit           string         `json:"unit"`
	Kind           string         `json:"kind"`
	Attributes     map[string]any `json:"attributes"`
	Value          any            `json:"value,omitempty"`
	Count          uint64         `json:"count,omitempty"`
	Sum            float64        `json:"sum,omitempty"`
	ExplicitBounds []float64      `json:"explicit_bounds,omitempty"`
	BucketCounts   []uint64       `json:"bucket_counts,omitempty"`
	Scale          int32          `json:"scale"`
	Offset         int32          `json:"offset"`
	ZeroCount      uint64         `json:"zero_count"`
}

func main() {
	ctx := context.Background()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)

	memory := sdkmetric.NewManualReader()
	meters := sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(memory),
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(must(otlpmetrichttp.New(ctx)))),
		sdkmetric.WithView(sdkmetric.NewView(
			sdkmetric.Instrument{Name: "order.size"},
			sdkmetric.Stream{Aggregation: sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}},
		)),
	)
	otel.SetMeterProvider(meters)
	var traceOptions []trace.TracerProviderOption
	if os.Getenv("OTEL_TRACES_EXPORTER") != "none" {
		traceOptions = append(traceOptions, trace.WithBatcher(must(otlptracehttp.New(ctx))))
	}
	traces := trace.NewTracerProvider(traceOptions...)
	otel.SetTracerProvider(traces)
	check(runtime.Start())
	check(host.Start())

	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	server := &http.Server{Handler: otelhttp.NewHandler(createRoutes(), "shop")}
	go func() {
		if err := server.Serve(listener); err != http.ErrServerClosed {
			log.Fatal(err)
		}
	}()
	fmt.Printf("Ready: http://%s\n", listener.Addr())

	<-stop
	check(server.Shutdown(ctx))
	var recorded metricdata.ResourceMetrics
	check(memory.Collect(ctx, &recorded))
	check(os.WriteFile(os.Getenv("RECORDED_FILE"), must(json.Marshal(toPoints(recorded))), 0o600))
	check(meters.Shutdown(ctx))
	check(traces.Shutdown(ctx))
}

func createRoutes() *http.ServeMux {
	meter := otel.Meter("shop")
	orders := must(meter.Int64Counter("orders", metric.WithUnit("{order}")))
	cartItems := must(meter.Int64UpDownCounter("cart.items", metric.WithUnit("{item}")))
	temperature := must(meter.Float64Gauge("room.temperature", metric.WithUnit("Cel")))
	orderValue := must(meter.Float64Histogram("order.value", metric.WithUnit("EUR")))
	orderSize := must(meter.Int64Histogram("order.size", metric.WithUnit("By")))
	web := metric.WithAttributes(attribute.String("channel", "web"))
	phone := metric.WithAttributes(attribute.String("channel", "phone"))

	routes := http.NewServeMux()
	routes.HandleFunc("GET /orders/{number}", func(w http.ResponseWriter, r *http.Request) {
		number, err := strconv.ParseInt(r.PathValue("number"), 10, 64)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		items := int64(-1)
		if number%2 == 0 {
			items = number
		}
		orders.Add(r.Context(), number, web)
		orders.Add(r.Context(), 1, phone)
		cartItems.Add(r.Context(), items)
		temperature.Record(r.Context(), 20+float64(number)/10)
		orderValue.Record(r.Context(), float64(number)*1.5)
		orderSize.Record(r.Context(), number*1000)
		fmt.Fprintf(w, `{"number":%d}`, number)
	})
	routes.HandleFunc("GET /fail", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "failed", http.StatusInternalServerError)
	})
	return routes
}

func toPoints(recorded metricdata.ResourceMetrics) []point {
	var points []point
	for _, scope := range recorded.ScopeMetrics {
		for _, each := range scope.Metrics {
			base := point{Name: each.Name, Unit: each.Unit}
			switch data := each.Data.(type) {
			case metricdata.Sum[int64]:
				points = append(points, toNumbers(base, "Sum", data.DataPoints)...)
			case metricdata.Sum[float64]:
				points = append(points, toNumbers(base, "Sum", data.DataPoints)...)
			case metricdata.Gauge[int64]:
				points = append(points, toNumbers(base, "Gauge", data.DataPoints)...)
			case metricdata.Gauge[float64]:
				points = append(points, toNumbers(base, "Gauge", data.DataPoints)...)
			case metricdata.Histogram[int64]:
				points = append(points, toHistograms(base, data.DataPoints)...)
			case metricdata.Histogram[float64]:
				points = append(points, toHistograms(base, data.DataPoints)...)
			case metricdata.ExponentialHistogram[int64]:
				points = append(points, toExponentialHistograms(base, data.DataPoints)...)
			default:
				log.Fatalf("unexpected data of %s: %T", each.Name, data)
			}
		}
	}
	return points
}

func toNumbers[N int64 | float64](base point, kind string, data []metricdata.DataPoint[N]) []point {
	var points []point
	for _, each := range data {
		base.Kind, base.Attributes, base.Value = kind, toMap(each.Attributes), each.Value
		points = append(points, base)
	}
	return points
}

func toHistograms[N int64 | float64](base point, data []metricdata.HistogramDataPoint[N]) []point {
	var points []point
	for _, each := range data {
		base.Kind, base.Attributes = "Histogram", toMap(each.Attributes)
		base.Count, base.Sum = each.Count, float64(each.Sum)
		base.ExplicitBounds, base.BucketCounts = each.Bounds, each.BucketCounts
		points = append(points, base)
	}
	return points
}

func toExponentialHistograms[N int64 | float64](
	base point,
	data []metricdata.ExponentialHistogramDataPoint[N],
) []point {
	var points []point
	for _, each := range data {
		base.Kind, base.Attributes = "ExponentialHistogram", toMap(each.Attributes)
		base.Count, base.Sum, base.ZeroCount = each.Count, float64(each.Sum), each.ZeroCount
		base.Scale, base.Offset = each.Scale, each.PositiveBucket.Offset
		base.BucketCounts = each.PositiveBucket.Counts
		points = append(points, base)
	}
	return points
}

func toMap(set attribute.Set) map[string]any {
	attributes := map[string]any{}
	for _, each := range set.ToSlice() {
		attributes[string(each.Key)] = each.Value.AsInterface()
	}
	return attributes
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
