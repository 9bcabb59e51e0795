import { coded } from '../../errors.ts';
import { sql } from '../../questdb/statement.ts';
import type { AlertDesk, AlertFilter, AlertView } from '../../schema/alert-desk.ts';
import type { AlertState } from '../../schema/alerts.ts';
import { isVisible } from '../../schema/scope.ts';
import { rankOf } from '../../schema/severity.ts';
import { DAY_MS } from '../../windows/range.ts';
import type { Store } from '../../windows/store.ts';
import type { Transition } from '../evaluate/transition.ts';
import type { Evaluator } from '../evaluator.ts';
import { presentAlert } from '../present.ts';
import { transitionsOf } from './transitions.ts';
import { alertView } from './view.ts';

/** What wants somebody comes first. */
const ORDER: readonly AlertState[] = ['firing', 'acknowledged', 'pending', 'resolved'];

type AlertsDesk = Pick<AlertDesk, 'alerts' | 'history' | 'acknowledge' | 'follow'>;

/** Alerts that go on, and what they have done. */
export function alertsDesk(evaluator: Evaluator, store: Store): AlertsDesk {
  const { book, quiet, journal, now } = evaluator;

  const viewOf = (transition: Transition, value?: number): AlertView =>
    alertView(
      presentAlert(transition, evaluator.ruleNamed(transition.rule), value),
      quiet.heldOf(transition.id),
    );

  return {
    async alerts(filter, scope) {
      const going = [...book.live()]
        .filter(({ transition }) => isVisible(transition, scope))
        .map(({ transition, value }) => viewOf(transition, value));
      const since = new Date(now() - DAY_MS);
      const resolved = sql`timestamp > ${since} AND state = 'resolved' AND fired_at IS NOT NULL`;
      const ended = filter.state?.includes('resolved')
        ? await transitionsOf(store, scope, resolved)
        : [];
      return [...going, ...ended.map((transition) => viewOf(transition))]
        .filter((alert) => matches(alert, filter))
        .sort(
          (a, b) =>
            ORDER.indexOf(a.state) - ORDER.indexOf(b.state) ||
            rankOf(b.severity) - rankOf(a.severity) ||
            b.changedAt.getTime() - a.changedAt.getTime(),
        );
    },

    async history(id, scope) {
      const transitions = await transitionsOf(store, scope, sql`id = ${id}`);
      const live = book.find(id);
      const last = live && isVisible(live.transition, scope) ? live.transition : transitions[0];
      if (!last) throw coded('PS_NOT_FOUND', { path: `alerts/${id}` });
      // What was just written may not be readable yet.
      const all = transitions.some(({ seq }) => seq === last.seq)
        ? transitions
        : [last, ...transitions];
      return {
        alert: viewOf(last, live?.value),
        transitions: all.map(({ timestamp, seq, state, severity, value, threshold, ...rest }) => ({
          at: new Date(timestamp),
          seq,
          state,
          severity,
          value,
          threshold,
          cause: rest.cause,
          author: rest.author,
          comment: rest.comment,
        })),
      };
    },

    acknowledge(id, comment, { author, scope }) {
      const found = book.find(id);
      const visible = found && isVisible(found.transition, scope);
      const next = visible ? book.acknowledge(id, { author, comment }, now()) : undefined;
      if (!next) throw coded('PS_NOT_FOUND', { path: `alerts/${id}` });
      return viewOf(next, found?.value);
    },

    follow(scope, position, hear) {
      return journal.follow(position, (transition, position) => {
        if (isVisible(transition, scope)) hear({ position, alert: viewOf(transition) });
      });
    },
  };
}

function matches({ state, severity, rule, labels }: AlertView, filter: AlertFilter): boolean {
  const wants = (names: readonly string[] | undefined, name: string | undefined) =>
    names === undefined || (name !== undefined && names.includes(name));
  return (
    wants(filter.state, state) &&
    wants(filter.severity, severity) &&
    wants(filter.rule, rule) &&
    wants(filter.service, labels.service)
  );
}
