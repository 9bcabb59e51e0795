import type { InstrumentationContext } from '../instrumentation-context.ts';
import { WebSocketMetrics } from './websocket-metrics.ts';

const metricsByContext = new WeakMap<object, WebSocketMetrics>();

/** Returns the metrics that all WebSocket libraries share. They are created when the first library is loaded. */
export function getWebSocketMetrics(context: InstrumentationContext): WebSocketMetrics {
  const existing = metricsByContext.get(context);
  if (existing !== undefined) return existing;
  const metrics = new WebSocketMetrics(context);
  metricsByContext.set(context, metrics);
  return metrics;
}
