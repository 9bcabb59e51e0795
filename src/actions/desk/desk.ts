import { coded } from '../../errors.ts';
import type { ActionDesk, ForcedView } from '../../schema/action-desk.ts';
import { isVisible, type Scope } from '../../schema/scope.ts';
import type { Store } from '../../windows/store.ts';
import { viewOf } from '../rules/rows.ts';
import type { Decider } from '../rules/run/decider.ts';
import { readDecisions } from '../rules/run/read.ts';
import { scaledQueues, scaledServices } from '../scaling/scaling.ts';

export interface ActionDeskOptions {
  readonly decider: Decider;
  readonly store: Store;
  /** Whether it is known what counts: after a start it takes a moment. */
  readonly isKnown: () => boolean;
  /** Breakers that alerts want to be open. */
  readonly forced: (scope: Scope) => readonly ForcedView[];
}

/** Reads what is decided and recommended. */
export function actionDesk({ decider, store, forced, isKnown }: ActionDeskOptions): ActionDesk {
  return {
    breakers: forced,

    current(scope) {
      // Without an answer services go on with what they have heard; an empty one would end it.
      if (!isKnown()) throw coded('PS_UNAVAILABLE', { reason: 'what counts is still being read' });
      const now = decider.now();
      return decider
        .current(now)
        .filter((decision) => isVisible(decision, scope))
        .map((decision) => ({
          ...viewOf(decision),
          remainingMs: (decision.expiresAt ?? now) - now,
        }));
    },

    decisions: (filter, scope) => readDecisions(store, filter, scope),

    async scaling({ queue, service, stabilizationMs, ...target }, scope) {
      const now = decider.now();
      const asked = { scope, target, stabilizationMs, now };
      // Who names one kind only asks for that one.
      const wantsQueues = queue !== undefined || service === undefined;
      const wantsServices = service !== undefined || queue === undefined;
      const [queues, services] = await Promise.all([
        wantsQueues ? scaledQueues(store, { ...asked, filter: queue && { queue } }) : [],
        wantsServices ? scaledServices(store, { ...asked, filter: service && { service } }) : [],
      ]);
      return [...queues, ...services];
    },

    position: () => decider.position(),

    follow(scope, position, hear) {
      return decider.follow(position, (decision, at) => {
        if (isVisible(decision, scope)) hear({ position: at, decision: viewOf(decision) });
      });
    },
  };
}
