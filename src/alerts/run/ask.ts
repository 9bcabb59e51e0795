import { reasonOf } from '../../errors.ts';
import { isAnswered } from '../../questdb/answered.ts';
import { sql } from '../../questdb/statement.ts';
import { EVERYTHING } from '../../schema/scope.ts';
import type { Store } from '../../windows/store.ts';
import type { Observation } from '../evaluate/observation.ts';
import type { RuleOutcome } from '../evaluate/unavailable.ts';
import { within } from '../within.ts';

const PATIENCE_MS = 20_000;
const PROBE_MS = 3000;

/** What a rule's query gave, or why it gave nothing. */
export type Asked =
  | { readonly result: 'answered'; readonly observations: readonly Observation[] }
  | { readonly result: Exclude<RuleOutcome['result'], 'answered'>; readonly error: string };

/**
 * Asks within a time. A database that does not answer is told from a rule that it refuses, or that
 * takes too long. Never rejects.
 */
export async function ask(
  store: Store,
  observing: () => Promise<readonly Observation[]>,
): Promise<Asked> {
  try {
    return { result: 'answered', observations: await within(PATIENCE_MS, observing()) };
  } catch (error) {
    const reached = isAnswered(error) || (await isThere(store));
    return { result: reached ? 'failed' : 'unreachable', error: reasonOf(error) };
  }
}

async function isThere(store: Store): Promise<boolean> {
  try {
    await within(PROBE_MS, store.read(EVERYTHING, sql`SELECT 1`));
    return true;
  } catch {
    return false;
  }
}
