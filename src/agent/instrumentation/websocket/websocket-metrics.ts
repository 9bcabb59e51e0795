import type { Attributes } from '@opentelemetry/api';
import { copyText } from '../../../core/copy-text.ts';
import { guard } from '../../../core/guard.ts';
import type { HistogramRegistry } from '../histograms/histogram-registry.ts';
import type { CounterSeries, KeyedCounter } from '../histograms/keyed-counter.ts';
import type { KeyedHistogram } from '../histograms/keyed-histogram.ts';
import type { InstrumentationContext } from '../instrumentation-context.ts';

/** What fails, for {@link guard}. */
const PART = 'the WebSocket metrics';
const SCOPE = 'perfscope.websocket';
const HANDSHAKE_BOUNDARIES_S = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];
const CONNECTION_BOUNDARIES_S = [0.1, 1, 5, 10, 30, 60, 300, 900, 1800, 3600, 14_400, 86_400];

/** Further routes are measured together. */
const MAX_ROUTES = 1000;
const OTHER_ROUTE = '(other)';

/** Why a connection was closed. */
export type CloseReason = 'normal' | 'going_away' | 'abnormal' | 'application' | 'error';

/** Groups the close codes of WebSocket (https://www.rfc-editor.org/rfc/rfc6455#section-7.4). */
export function getCloseReason(code: unknown): CloseReason {
  if (code === 1000 || code === 1005) return 'normal';
  if (code === 1001) return 'going_away';
  if (code === 1006) return 'abnormal';
  return typeof code === 'number' && code >= 3000 && code < 5000 ? 'application' : 'error';
}

/** The values of a route. */
export class WebSocketRoute {
  /** Template, such as `/chat`. */
  readonly name: string;
  openConnections = 0;
  readonly #metrics: WebSocketMetrics;
  #received: [messages: CounterSeries, bytes: CounterSeries] | undefined;
  #sent: [messages: CounterSeries, bytes: CounterSeries] | undefined;

  constructor(name: string, metrics: WebSocketMetrics) {
    this.name = name;
    this.#metrics = metrics;
  }

  addReceived(bytes: number): void {
    this.#received ??= this.#metrics.createMessageCounters(this.name, 'receive');
    add(this.#received, bytes);
  }

  addSent(bytes: number): void {
    this.#sent ??= this.#metrics.createMessageCounters(this.name, 'transmit');
    add(this.#sent, bytes);
  }

  /** @param status status of the HTTP response: 101 if the server accepted the connection */
  addHandshake(status: number, durationMs: number): void {
    this.#metrics.recordHandshake(this.name, status, durationMs);
  }

  addConnection(reason: CloseReason, durationMs: number): void {
    this.#metrics.recordConnection(this.name, reason, durationMs);
  }
}

function add([messages, total]: readonly [CounterSeries, CounterSeries], bytes: number): void {
  messages.value += 1;
  total.value += bytes;
}

/** Metrics of WebSocket servers by route. There are no semantic conventions for WebSocket. */
export class WebSocketMetrics {
  readonly #routes = new Map<string, WebSocketRoute>();
  readonly #handshakes: KeyedHistogram;
  readonly #connections: KeyedHistogram;
  readonly #messages: KeyedCounter;
  readonly #bytes: KeyedCounter;

  constructor({ histograms, getMeter }: Pick<InstrumentationContext, 'histograms' | 'getMeter'>) {
    this.#handshakes = histograms.create({
      scope: SCOPE,
      name: 'perfscope.websocket.handshake.duration',
      unit: 's',
      description: 'Duration of WebSocket handshakes.',
      boundaries: HANDSHAKE_BOUNDARIES_S,
    });
    this.#connections = histograms.create({
      scope: SCOPE,
      name: 'perfscope.websocket.connection.duration',
      unit: 's',
      description: 'Time that WebSocket connections were open, by the reason for their end.',
      boundaries: CONNECTION_BOUNDARIES_S,
    });
    this.#messages = createCounter(histograms, 'messages', '{message}', 'Number of messages.');
    this.#bytes = createCounter(histograms, 'io', 'By', 'Number of bytes in messages.');
    getMeter(SCOPE)
      .createObservableGauge('perfscope.websocket.connections', {
        unit: '{connection}',
        description: 'Number of open WebSocket connections.',
      })
      .addCallback(
        guard(PART, (result) => {
          for (const { name, openConnections } of this.#routes.values())
            result.observe(openConnections, toAttributes(name));
        }),
      );
  }

  /** Returns the values of a route, and creates them on the first call. */
  getRoute(name: string): WebSocketRoute {
    const existing = this.#routes.get(name);
    if (existing !== undefined) return existing;
    if (this.#routes.size >= MAX_ROUTES && name !== OTHER_ROUTE) return this.getRoute(OTHER_ROUTE);
    const copy = copyText(name);
    const route = new WebSocketRoute(copy, this);
    this.#routes.set(copy, route);
    return route;
  }

  createMessageCounters(
    route: string,
    direction: 'receive' | 'transmit',
  ): [messages: CounterSeries, bytes: CounterSeries] {
    const key = `${route}\n${direction}`;
    const create = () => ({ ...toAttributes(route), 'network.io.direction': direction });
    return [this.#messages.getSeries(key, create), this.#bytes.getSeries(key, create)];
  }

  recordHandshake(route: string, status: number, durationMs: number): void {
    const error: Attributes = status >= 500 ? { 'error.type': String(status) } : {};
    this.#handshakes.record(
      durationMs / 1000,
      `${route}\n${status}`,
      () => ({ ...toAttributes(route), 'http.response.status_code': status, ...error }),
      error,
    );
  }

  recordConnection(route: string, reason: CloseReason, durationMs: number): void {
    this.#connections.record(durationMs / 1000, `${route}\n${reason}`, () => ({
      ...toAttributes(route),
      'perfscope.websocket.close': reason,
    }));
  }
}

function createCounter(
  histograms: HistogramRegistry,
  name: string,
  unit: string,
  description: string,
): KeyedCounter {
  return histograms.createCounter({
    scope: SCOPE,
    name: `perfscope.websocket.${name}`,
    unit,
    description,
  });
}

function toAttributes(route: string): Attributes {
  return { 'http.route': route };
}

const metricsByContext = new WeakMap<object, WebSocketMetrics>();

/** Returns the metrics that all WebSocket libraries share. They are created when the first library is loaded. */
export function getWebSocketMetrics(context: InstrumentationContext): WebSocketMetrics {
  const existing = metricsByContext.get(context);
  if (existing !== undefined) return existing;
  const metrics = new WebSocketMetrics(context);
  metricsByContext.set(context, metrics);
  return metrics;
}
