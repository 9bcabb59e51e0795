import { readDiscoveryFile } from '../../core/config/server-discovery.ts';
import { startTask } from '../../core/guard.ts';
import { startTimeout } from '../../core/guarded-timers.ts';
import { stderrLogger } from '../../core/log.ts';
import { errorMessage } from '../../core/perfscope-error.ts';
import type { DecisionOutcomeStatus } from '../../core/schema/tables/rule-decisions-table.ts';
import { BreakerRegistry } from '../breakers/breaker-registry.ts';
import type { ProtectOptions } from '../breakers/circuit-breaker.ts';
import { getSharedAgent } from '../shared-agent.ts';
import { requestActions } from './actions-request.ts';
import {
  DecisionDispatcher,
  type HandlerOptions,
  type RuleDecision,
  type RuleHandler,
} from './decision-dispatcher.ts';

/** What fails, for {@link startTask}. */
const PART = 'the polling of rule decisions and breaker states';
const POLL_INTERVAL_MS = 3000;

const breakerRegistry = new BreakerRegistry();
const decisionDispatcher = new DecisionDispatcher(recordOutcome);
let isPolling = false;
let isServerUnreachable = false;

/**
 * Wraps a function in a circuit breaker. If too many calls fail or time out, the breaker opens and
 * rejects calls until the dependency recovers. An alert with the annotation `breaker` also opens
 * it. The returned function passes `this` and the arguments to `fn`, has the same name and length,
 * and always returns a promise.
 *
 * @example
 * import { protect } from '@perfscope/agent';
 *
 * const chargeCard = async (order: { id: string; amount: number }) => ({ paid: order.amount });
 * const pay = protect(chargeCard, {
 *   name: 'payment-gateway',
 *   fallback: (_error, order) => ({ payLater: order.id }),
 * });
 * console.log(await pay({ id: '42', amount: 120 }));
 * @typeParam T type of `this` in `fn`
 * @typeParam A types of the arguments of `fn`
 * @typeParam R type of the result of `fn`
 * @typeParam F type of the result of the fallback
 * @param fn the function that calls the dependency
 * @param options name of the breaker, limits in ms and percent, and an optional fallback
 * @returns the protected function. Its calls reject with PS_BREAKER_OPEN, PS_BREAKER_TIMEOUT, or the error of `fn`.
 * With a fallback, such a call returns the result of the fallback instead.
 * @throws PS_BREAKER_INVALID if an option is invalid
 * @throws PS_ARGUMENT_INVALID if `fn` is not a function, or `options` is not an object
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
 * Calls `handler` when a business rule changes a setting. If a decision is already active, the
 * handler is called with it immediately. When a decision ends or expires, the handler is called
 * with the default value. Errors in `handler` are logged and stored, never thrown. The agent polls
 * the server every 3 s.
 *
 * @example
 * import { onRule } from '@perfscope/agent';
 *
 * const priceFactors = new Map<string | undefined, number>();
 * const unsubscribe = onRule('demand.high', ({ value, propertyId }) => {
 *   priceFactors.set(propertyId, value);
 * });
 * process.once('SIGTERM', unsubscribe);
 * @param event `event` of the business rule
 * @param handler the function that applies a decision. The agent waits for its promise.
 * @param options `timeoutMs`: time limit for one call, in ms. Default: 10,000.
 * @returns a function that unsubscribes `handler`
 * @throws PS_ARGUMENT_INVALID if an argument has the wrong type
 */
export function onRule(event: string, handler: RuleHandler, options?: HandlerOptions): () => void {
  const unsubscribe = decisionDispatcher.onRule(event, handler, options);
  startPolling();
  return unsubscribe;
}

/** Starts polling the server on the first call. Does not keep the process running. */
function startPolling(): void {
  if (isPolling || !getSharedAgent().config.settings.enabled) return;
  isPolling = true;
  startTask(PART, pollRepeatedly);
}

async function pollRepeatedly(): Promise<void> {
  try {
    await pollActions();
  } finally {
    startTimeout(PART, pollRepeatedly, POLL_INTERVAL_MS);
  }
}

async function pollActions(): Promise<void> {
  const agent = getSharedAgent();
  const { settings, discoveryFile, resource } = agent.config;
  const { PERFORMANCE_SERVER_URL: configuredUrl, PERFORMANCE_API_KEY: key } = settings;
  const local = configuredUrl === undefined ? readDiscoveryFile(discoveryFile) : undefined;
  const url = configuredUrl ?? local?.serverUrl;
  const localToken = key ? undefined : local?.localToken;
  try {
    if (url !== undefined) {
      const { breakers, decisions } = await requestActions({
        url,
        key,
        localToken,
        service: resource.service,
        onServerVersion: (version) => agent.checkServerVersion(version, url),
      });
      breakerRegistry.setForced(breakers);
      decisionDispatcher.dispatch(decisions);
      isServerUnreachable = false;
    }
  } catch (error) {
    // Active decisions and forced breakers expire on their own, so there is nothing to undo.
    if (!isServerUnreachable)
      stderrLogger.warn(
        `Can't get rule decisions and breaker states from ${url}: ${errorMessage(error)}`,
      );
    isServerUnreachable = true;
  }
}

/** Stores the outcome of a decision as a row with the `id` and `seq` of the decision. */
function recordOutcome(
  { id, seq, rule, event, setting, value, previous, defaultValue, ...rest }: RuleDecision,
  { status, reason }: { status: DecisionOutcomeStatus; reason: string },
): void {
  const agent = getSharedAgent();
  const { service, instance } = agent.config.resource;
  agent.connect();
  agent.deferredWriter.add('rule_decisions', [
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
  if (status === 'failed') stderrLogger.warn(`The handler for ${event} failed: ${reason}`);
}
