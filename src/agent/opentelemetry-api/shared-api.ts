import type { MeterProvider, SpanContext } from '@opentelemetry/api';
import { runGuarded } from '../../core/guard.ts';

/** All copies of `@opentelemetry/api` 1.x share this property of the global object. */
export const API_KEY = Symbol.for('opentelemetry.js.api.1');
/** Key of the active span in an OpenTelemetry context. */
const SPAN_KEY = Symbol.for('OpenTelemetry Context Key SPAN');
const OWN_PROVIDER_KEY = Symbol.for('perfscope.meter-provider');

/** The object that the copies of the API share: their version, and what an SDK has registered. */
export interface SharedApi {
  version?: string;
  metrics?: MeterProvider;
  context?: { active(): { getValue(key: symbol): unknown } };
}

// The own provider is stored on the global object, because `register` and the application can load separate copies of
// this package.
const sharedGlobal = globalThis as { [API_KEY]?: SharedApi; [OWN_PROVIDER_KEY]?: MeterProvider };

/** Sets the provider of {@link getMeterProvider}. */
export function setOwnMeterProvider(provider: MeterProvider | undefined): void {
  Object.defineProperty(globalThis, OWN_PROVIDER_KEY, { value: provider, configurable: true });
}

/**
 * Returns the provider for the agent's own meters. In an application without the agent, it is the
 * application's provider.
 */
export function getMeterProvider(): MeterProvider | undefined {
  return sharedGlobal[OWN_PROVIDER_KEY] ?? sharedGlobal[API_KEY]?.metrics;
}

/**
 * Returns the active span of the application's SDK. Reads the shared object, because a copy of the
 * API ignores an SDK that was registered with an older copy.
 */
export function getActiveSpanContext(): SpanContext | undefined {
  // Without an SDK, the property is the inherited accessor of `GlobalApi`, which inspects its caller.
  if (!Object.hasOwn(globalThis, API_KEY)) return undefined;
  return runGuarded('the active span', () => {
    const span = sharedGlobal[API_KEY]?.context?.active().getValue(SPAN_KEY) as
      | { spanContext(): SpanContext }
      | undefined;
    return span?.spanContext();
  });
}
