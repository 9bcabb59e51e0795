import type { Question } from './question.ts';
import type { Store } from './store.ts';
import { type Measured, totals } from './totals.ts';

/** An endpoint, or a statement's fingerprint; `average` in ms. */
export interface NamedTime {
  name: string;
  operation: string | undefined;
  count: number;
  average: number;
}

/** The ten endpoints, or database statements, that take longest on average. */
export async function slowest(
  store: Store,
  question: Question,
  measured: Measured,
): Promise<NamedTime[]> {
  const groups = await totals(store, { ...question, groupBy: ['endpoint', 'operation'] }, measured);
  return groups
    .sort((a, b) => b.average - a.average)
    .slice(0, 10)
    .map(({ group, count, average }) => ({
      name: group.endpoint ?? '(no route)',
      operation: group.operation,
      count,
      average,
    }));
}
