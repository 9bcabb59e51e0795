import { actionDesk } from './actions/desk/desk.ts';
import type { WebhookEntry } from './actions/rules/load/entry.ts';
import { Decider } from './actions/rules/run/decider.ts';
import type { Post } from './actions/rules/run/webhooks.ts';
import { Recommender } from './actions/scaling/recommender.ts';
import type { Evaluator } from './alerts/evaluator.ts';
import { reasonOf } from './errors.ts';
import { forcedBreakers } from './forced-breakers.ts';
import type { Log } from './log.ts';
import type { Monitor } from './monitor.ts';
import { readCertificates, readSecret } from './notify/channels/secret-file.ts';
import { postSigned } from './notify/channels/webhook/post.ts';
import { refusalOfUrl } from './notify/http/policy.ts';
import type { ActionDesk } from './schema/action-desk.ts';
import { EVERYTHING } from './schema/scope.ts';
import type { Store } from './windows/store.ts';

export interface OpenActionsOptions {
  readonly monitor: Monitor;
  readonly evaluator: Evaluator;
  readonly store: Store;
  readonly log: Log;
}

const ATTEMPT_MS = 10_000;
/** A server may have no rule whose alerts would have to be read; breakers wait no longer than this. */
const ALERTS_WITHIN_MS = 60_000;

/** Who decides by business rules and who recommends, with the parts of a server. They have not begun. */
export function openActions({ monitor, evaluator, store, log }: OpenActionsOptions): {
  readonly decider: Decider;
  readonly desk: ActionDesk;
  readonly recommender: Recommender;
} {
  const { outlet, started } = monitor;
  const { settings } = started;
  const evaluates = settings.PERFORMANCE_ALERTS_ENABLED;
  const latestMs = Date.now() + ALERTS_WITHIN_MS;
  const decider = new Decider({
    store,
    log,
    add: outlet.add,
    post: postDecision,
    refusal: refusalOfWebhook,
    flush: async () => outlet.writer?.flush(),
    path: settings.PERFORMANCE_BUSINESS_RULES_FILE,
  });
  const desk = actionDesk({
    decider,
    store,
    forced: forcedBreakers(evaluator),
    isKnown: () =>
      decider.isRestored && (evaluator.isRestored || !evaluates || Date.now() > latestMs),
  });
  const recommender = new Recommender({
    add: outlet.add,
    origin: started.origin,
    recommended: (ask) => desk.scaling(ask, EVERYTHING),
  });
  return { decider, desk, recommender };
}

/** Why a webhook's address is not allowed, as that of a channel would not be. */
export function refusalOfWebhook(webhook: WebhookEntry): string | undefined {
  return refusalOfUrl(new URL(webhook.url), webhook);
}

/** Signed as the messages of the webhook channel are. */
export const postDecision: Post = async (webhook, body, key) => {
  try {
    const url = new URL(webhook.url);
    const secret = readSecret(webhook.secretFile);
    const ca = readCertificates(webhook.caFile);
    return await postSigned(
      { url, body, policy: webhook, ca, now: Date.now, secret, key },
      AbortSignal.timeout(ATTEMPT_MS),
    );
  } catch (error) {
    return { status: 'retryable', reason: reasonOf(error) };
  }
};
