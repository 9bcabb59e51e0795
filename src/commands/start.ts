import { readEnvironment, type Started } from '../config/environment.ts';
import { knownQuestdb } from '../config/locate.ts';
import type { QuestdbTargets } from '../config/target.ts';
import { coded } from '../errors.ts';
import type { QuestdbStore } from '../questdb/store.ts';

/** What the environment says. @throws the first problem, after all others have been said */
export function started(): Started {
  const found = readEnvironment('perfscope');
  const [first, ...others] = found.problems;
  for (const problem of others) {
    process.stderr.write(`perfscope: ${problem.code}: ${problem.message}\n`);
  }
  if (first) throw first;
  return found;
}

/** The configured QuestDB, else that of the server of this machine. @throws PS_NO_TARGET */
export function targetsOf(from: Started): QuestdbTargets {
  const targets = knownQuestdb(from);
  if (!targets) throw coded('PS_NO_TARGET', {});
  return targets;
}

/** Lets `use` ask what is stored, and closes the connections after it. @throws PS_NO_TARGET */
export async function withStore<T>(
  from: Started,
  use: (store: QuestdbStore) => Promise<T>,
): Promise<T> {
  const { QuestdbStore } = await import('../questdb/store.ts');
  const store = new QuestdbStore(targetsOf(from).read);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
