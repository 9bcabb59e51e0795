import { formatDuration } from '../../../core/format.ts';
import type { Objective } from './objective.ts';

/** An objective that contradicts another objective. */
export interface Contradiction {
  readonly name: string;
  /** The other objective, and the reason. */
  readonly message: string;
}

/**
 * Finds objectives that can't both be meaningful: with the same subject and period, one of them requires more
 * than the other in every respect. The looser objective would never be missed first.
 */
export function findContradictions(objectives: readonly Objective[]): Contradiction[] {
  const groups = Map.groupBy(objectives, getSubjectKey);
  return [...groups.values()].flatMap((group) =>
    group.flatMap((looser) => {
      const stricter = group.find((other) => other !== looser && isImpliedBy(looser, other, group));
      if (!stricter) return [];
      const message =
        `\`${stricter.name}\` (${describe(stricter)}) has the same subject and is at least as strict in ` +
        `every respect; change or remove one of them`;
      return [{ name: looser.name, message }];
    }),
  );
}

function getSubjectKey({ kind, type, filter, groupBy, periodMs }: Objective): string {
  const sorted = Object.entries(filter).map(([name, values = []]) => [name, values.toSorted()]);
  const filters = sorted.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  return JSON.stringify([kind, type, filters, groupBy.toSorted(), periodMs]);
}

/** Returns whether `other` requires at least as much. If both are equal, only the second is reported. */
function isImpliedBy(objective: Objective, other: Objective, group: readonly Objective[]): boolean {
  const { target, thresholdMs = 0 } = objective;
  const { target: otherTarget, thresholdMs: otherThresholdMs = 0 } = other;
  if (target === otherTarget && thresholdMs === otherThresholdMs)
    return group.indexOf(objective) > group.indexOf(other);
  return target <= otherTarget && thresholdMs >= otherThresholdMs;
}

function describe({ target, thresholdMs }: Objective): string {
  return thresholdMs === undefined
    ? `${target} %`
    : `${target} % within ${formatDuration(thresholdMs)}`;
}
