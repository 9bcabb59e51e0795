import { discover } from './discovery.ts';
import type { Started } from './environment.ts';
import { externalQuestdb } from './external.ts';
import type { QuestdbTargets } from './target.ts';

/** The configured QuestDB, else that of the server that runs on this machine. */
export function knownQuestdb(
  started: Pick<Started, 'settings' | 'discoveryFile'>,
): QuestdbTargets | undefined {
  return externalQuestdb(started.settings) ?? discover(started.discoveryFile)?.questdb;
}
