import {
  Applier,
  type HandlerOptions,
  type RuleDecision,
  type RuleHandler,
} from './actions/apply/applier.ts';
import { Breakers } from './actions/breaker/breakers.ts';
import type { ProtectOptions } from './actions/breaker/options.ts';
import { PerfscopeClient } from './client/client.ts';
import { discover } from './config/discovery.ts';
import { reasonOf } from './errors.ts';
import { stderrLog } from './log.ts';
import type { OutcomeStatus } from './schema/rule-decisions.ts';
import { sharedMonitor } from './shared-monitor.ts';

const ASK_EVERY_MS = 3000;
const ANSWERED_WITHIN_MS = 10_000;

const breakers = new Breakers();
const applier = new Applier(record);
let asking = false;
let saidAway = false;

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
  const protectedFn = breakers.protect(fn, options);
  follow();
  return protectedFn;
}

/**
 * Calls `handler` with what business rules decide for `event`, also with what counts already, and with
 * the default when it counts again or nothing was heard in time.
 *
 * @returns what ends it
 */
export function onRule(event: string, handler: RuleHandler, options?: HandlerOptions): () => void {
  const end = applier.onRule(event, handler, options);
  follow();
  return end;
}

/** Begins to ask the server, once, and does not keep the process running. */
function follow(): void {
  if (asking || !sharedMonitor().started.settings.enabled) return;
  asking = true;
  void ask();
}

async function ask(): Promise<void> {
  const { settings, discoveryFile } = sharedMonitor().started;
  const url = settings.PERFORMANCE_SERVER_URL ?? discover(discoveryFile)?.serverUrl;
  const key = settings.PERFORMANCE_API_KEY;
  try {
    if (url !== undefined) {
      const client = new PerfscopeClient({ url, ...(key && { key }) });
      const signal = AbortSignal.timeout(ANSWERED_WITHIN_MS);
      const { breakers: forced, decisions } = await client.get('actions', {}, { signal });
      breakers.keepForced(forced);
      applier.hear(decisions as readonly (RuleDecision & { remainingMs: number })[]);
      saidAway = false;
    }
  } catch (error) {
    // What counts goes on until its time is over: nothing more is to be done here.
    if (!saidAway) stderrLog.warn(`Perfscope does not answer at ${url}: ${reasonOf(error)}`);
    saidAway = true;
  }
  setTimeout(() => void ask(), ASK_EVERY_MS).unref();
}

/** What became of a decision here, as a row beside it. */
function record(
  { id, seq, rule, event, setting, value, previous, defaultValue, ...rest }: RuleDecision,
  { status, reason }: { status: OutcomeStatus; reason: string },
): void {
  const monitor = sharedMonitor();
  const { service, instance } = monitor.started.origin;
  void monitor.connect();
  monitor.outlet.add('rule_decisions', [
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
  if (status === 'failed') stderrLog.warn(`The handler of ${event} failed: ${reason}`);
}
