import { type Report, suggest } from '../../entries/problems.ts';
import type { NotifyEntry } from './entry.ts';
import type { Escalation, EscalationLevel, Receiver } from './plan.ts';

type EscalationEntry = NonNullable<NotifyEntry['escalations']>[number];

export function escalationOf(
  { name, levels }: EscalationEntry,
  receivers: ReadonlyMap<string, Receiver>,
  report: Report,
): Escalation {
  let beforeMs = 0;
  const made = levels.map(({ after: afterMs, receivers: names, repeat: repeatMs, times }, i) => {
    if (afterMs <= beforeMs) {
      report(['levels', i, 'after'], '`after` must be later than that of the level before');
    }
    if (repeatMs !== undefined && repeatMs < 1000) {
      report(['levels', i, 'repeat'], '`repeat` must be at least `1s`');
    }
    if (times !== undefined && times > 1 && repeatMs === undefined) {
      report(['levels', i, 'times'], '`times` needs `repeat`, the time between them');
    }
    beforeMs = afterMs;
    refuseUnknown(names, receivers, (at, message) =>
      report(['levels', i, 'receivers', at], message),
    );
    return { afterMs, receivers: names, repeatMs, times } satisfies EscalationLevel;
  });
  return { name, levels: made };
}

/** Reports each name that is none of `known`. */
export function refuseUnknown(
  names: readonly string[],
  known: ReadonlyMap<string, unknown>,
  report: (at: number, message: string) => void,
): void {
  for (const [at, name] of names.entries()) {
    if (!known.has(name))
      report(at, `there is no \`${name}\`; ${suggest(name, [...known.keys()])}`);
  }
}
