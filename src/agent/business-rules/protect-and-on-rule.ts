import { LOCAL_TOKEN_HEADER, readDiscoveryFile } from '../../core/config/server-discovery.ts';
import { startTask } from '../../core/guard.ts';
import { startTimeout } from '../../core/guarded-timers.ts';
import { stderrLogger } from '../../core/log.ts';
import { errorMessage } from '../../core/perfscope-error.ts';
import type { DecisionOutcomeStatus } from '../../core/schema/tables/rule-decisions-table.ts';
import { VERSION } from '../../core/version.ts';
import {
  AGENT_SERVICE_HEADER,
  AGENT_VERSION_HEADER,
  SERVER_VERSION_HEADER,
} from '../../core/version-compatibility.ts';
import { getSharedAgent } from '../agent.ts';
import { BreakerRegistry, type ForcedBreaker } from '../breakers/breaker-registry.ts';
import type { ProtectOptions } from '../breakers/circuit-breaker.ts';
import { sendRequest } from '../http-client/api-request.ts';
import {
  type ActiveDecision,
  DecisionDispatcher,
  type HandlerOptions,
  type RuleDecision,
  type RuleHandler,
} from './decision-dispatcher.ts';

/** What fails, for {@link startTask}. */
const PART = 'the polling of rule decisions and breaker states';
const ACTIONS_PATH = '/api/performance/actions';
const POLL_INTERVAL_MS = 3000;
const REQUEST_TIMEOUT_MS = 10_000;

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
 * const pay = protect(chargeCard, {
 *   name: 'payment-gateway',
 *   fallback: (error, order) => ({ payLater: order.id }),
 * });
 * await pay(order);
 * @param options name of the breaker, limits in ms and percent, and an optional fallback
 * @returns the protected function. Without a fallback, its calls reject with PS_BREAKER_OPEN or
 * PS_BREAKER_TIMEOUT.
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
 * const unsubscribe = onRule('demand.high', ({ value, propertyId }) => {
 *   setPriceFactor(propertyId, value);
 * });
 * @param event `event` of the business rule
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
  startTask(PART, pollActions);
}

async function pollActions(): Promise<void> {
  const { settings, discoveryFile, resource } = getSharedAgent().config;
  const { PERFORMANCE_SERVER_URL: configuredUrl, PERFORMANCE_API_KEY: key } = settings;
  const local = configuredUrl === undefined ? readDiscoveryFile(discoveryFile) : undefined;
  const url = configuredUrl ?? local?.serverUrl;
  const localToken = key ? undefined : local?.localToken;
  try {
    if (url !== undefined) {
      const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
      const client = { url, ...(key && { key }), fetch: createVersionCheckingFetch(url) };
      const headers = {
        [AGENT_VERSION_HEADER]: VERSION,
        [AGENT_SERVICE_HEADER]: encodeURIComponent(resource.service.toWellFormed()),
        ...(localToken && { [LOCAL_TOKEN_HEADER]: localToken }),
      };
      const response = await sendRequest(client, ACTIONS_PATH, {}, { signal, headers });
      const { breakers, decisions } = parseActions(await response.json());
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
  startTimeout(PART, pollActions, POLL_INTERVAL_MS);
}

/** Returns a `fetch` that checks the server's version, even if the server rejects the request. */
function createVersionCheckingFetch(serverUrl: string): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    const version = response.headers.get(SERVER_VERSION_HEADER) ?? undefined;
    getSharedAgent().checkServerVersion(version, serverUrl);
    return response;
  };
}

/** @throws TypeError if `body` is not the response of `GET /api/performance/actions` */
function parseActions(body: unknown): {
  breakers: readonly ForcedBreaker[];
  decisions: readonly ActiveDecision[];
} {
  const { breakers, decisions } = (body ?? {}) as { breakers?: unknown; decisions?: unknown };
  if (!isArrayOf(breakers, isForcedBreaker) || !isArrayOf(decisions, isActiveDecision)) {
    throw new TypeError('the response is not a list of decisions and breakers');
  }
  return { breakers, decisions };
}

function isArrayOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.every(isItem);
}

function isForcedBreaker(item: unknown): item is ForcedBreaker {
  const { name, leaseMs } = (item ?? {}) as Partial<ForcedBreaker>;
  return typeof name === 'string' && Number.isFinite(leaseMs);
}

function isActiveDecision(item: unknown): item is ActiveDecision {
  const decision = (item ?? {}) as Partial<ActiveDecision>;
  return (
    [decision.id, decision.rule, decision.event, decision.setting].every(
      (text) => typeof text === 'string',
    ) &&
    [
      decision.seq,
      decision.value,
      decision.previous,
      decision.defaultValue,
      decision.remainingMs,
    ].every(Number.isFinite)
  );
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
