import { startQuestdbPool } from './shared-questdb.ts';

/** Starts the pool before the first test file. Vitest calls the result after the last one. */
export default function setup(): () => Promise<void> {
  return startQuestdbPool().stop;
}
