import { LIBRARIES } from '../instrumentation/library-table.ts';
import type { LibraryState } from '../instrumentation/loading/instrumentation-registry.ts';

/** What to do, by the start of the reason why a library is not measured. */
const ADVICE: readonly (readonly [reason: string, advice: string])[] = [
  ['it was loaded before', "Move the agent's flag before all other --require and --import flags."],
  ['its internals differ', 'Report a bug with this version.'],
  ['its ES modules', 'Load it with require().'],
];

/** Returns the next step to measure a library, or undefined if the reason contains it. */
export function findAdvice({ name, version, reason = '' }: LibraryState): string | undefined {
  if (reason.startsWith('only version')) {
    const newest = LIBRARIES.find((each) => each.name === name)?.versions.to ?? 0;
    const isTooNew = Number.parseInt(version, 10) > newest;
    return isTooNew ? 'Update the agent, or install an older version.' : 'Install a newer version.';
  }
  return ADVICE.find(([start]) => reason.startsWith(start))?.[1];
}
