import { PerfscopeClient } from '../../client/perfscope-client.ts';
import { readDiscoveryFile } from '../../core/config/server-discovery.ts';
import { errorMessage } from '../../core/errors.ts';
import { stderrLogger } from '../../core/log.ts';
import type { DecisionOutcomeStatus } from '../../core/schema/tables/rule-decisions-table.ts';
import { getSharedAgent } from '../agent.ts';
import { BreakerRegistry } from '../breakers/breaker-registry.ts';
import type { ProtectOptions } from '../breakers/circuit-breaker.ts';
import {
  DecisionDispatcher,
  type HandlerOptions,
  type RuleDecision,
  type RuleHandler,
} from './decision-dispatcher.ts';

const POLL_INTERVAL_MS = 3000;
const REQUEST_TIMEOUT_MS = 10_000;

const breakerRegistry = new BreakerRegistry();
const decisionDispatcher = new DecisionDispatcher(recordOutcome);
let isPolling = false;
let isServerUnreachable = false;

/**
 * Wraps a function that may fail or hang: when too many of its calls do, it is not called for a while.
 * Its `this`, arguments and result stay as they are; the result comes as a promise.
 *
 * @throws PS_BREAKER_INVALID at once; PS_BREAKER_OPEN and PS_BREAKER_TIMEOUT from calls without fallback
 */
export function protect<T, A extends unknown[], R, F = never>(
  fn: (this: T, ...args: A) => R | Promise<R>,
  options: ProtectOptions<T, A, F>,
): (this: T, ...args: A) => Promise<R | F> {
  const protectedFn = breakerRegistry.protect(fn, options);
  startPolling();
  return protectedFn;
}

/**
 * Calls `handler` with what business rules decide for `event`, also with what counts already, and with
 * the default when it counts again or nothing was heard in time.
 *
 * @returns what ends it
 */
export function onRule(event: string, handler: RuleHandler, options?: HandlerOptions): () => void {
  const end = decisionDispatcher.onRule(event, handler, options);
  startPolling();
  return end;
}

/** Begins to ask the server, once, and does not keep the process running. */
function startPolling(): void {
  if (isPolling || !getSharedAgent().config.settings.enabled) return;
  isPolling = true;
  void pollActions();
}

async function pollActions(): Promise<void> {
  const { settings, discoveryFile } = getSharedAgent().config;
  const url = settings.PERFORMANCE_SERVER_URL ?? readDiscoveryFile(discoveryFile)?.serverUrl;
  const key = settings.PERFORMANCE_API_KEY;
  try {
    if (url !== undefined) {
      const client = new PerfscopeClient({ url, ...(key && { key }) });
      const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
      const { breakers: forced, decisions } = await client.get('actions', {}, { signal });
      breakerRegistry.setForced(forced);
      decisionDispatcher.dispatch(decisions as readonly (RuleDecision & { remainingMs: number })[]);
      isServerUnreachable = false;
    }
  } catch (error) {
    // What counts goes on until its time is over: nothing more is to be done here.
    if (!isServerUnreachable)
      stderrLogger.warn(`Perfscope does not answer at ${url}: ${errorMessage(error)}`);
    isServerUnreachable = true;
  }
  setTimeout(() => void pollActions(), POLL_INTERVAL_MS).unref();
}

/** What became of a decision here, as a row beside it. */
function recordOutcome(
  { id, seq, rule, event, setting, value, previous, defaultValue, ...rest }: RuleDecision,
  { status, reason }: { status: DecisionOutcomeStatus; reason: string },
): void {
  const monitor = getSharedAgent();
  const { service, instance } = monitor.config.resource;
  void monitor.connect();
  monitor.deferredWriter.add('rule_decisions', [
    {
      timestamp: Date.now(),
      id,
      seq,
      rule,
      event,
      setting,
      value,
      previous,
      defaultValue,
      status,
      reason,
      author: `${service}/${instance}`,
      facts: '{}',
      dryRun: false,
      organizationId: rest.organizationId,
      propertyId: rest.propertyId,
    },
  ]);
  if (status === 'failed') stderrLogger.warn(`The handler of ${event} failed: ${reason}`);
}
