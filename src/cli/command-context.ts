import type { QuestdbTargets } from '../core/config/questdb-targets.ts';
import {
  findQuestdbTargets,
  readStartupConfig,
  type StartupConfig,
} from '../core/config/startup-config.ts';
import { createError } from '../core/errors.ts';
import type { QuestdbQueryClient } from '../storage/questdb/query-client.ts';

/** What the environment says. @throws the first problem, after all others have been said */
export function requireStartupConfig(): StartupConfig {
  const found = readStartupConfig('perfscope');
  const [first, ...others] = found.problems;
  for (const problem of others) {
    process.stderr.write(`perfscope: ${problem.code}: ${problem.message}\n`);
  }
  if (first) throw first;
  return found;
}

/** The configured QuestDB, else that of the server of this machine. @throws PS_NO_TARGET */
export function requireQuestdbTargets(from: StartupConfig): QuestdbTargets {
  const targets = findQuestdbTargets(from);
  if (!targets) throw createError('PS_NO_TARGET', {});
  return targets;
}

/** Lets `use` ask what is stored, and closes the connections after it. @throws PS_NO_TARGET */
export async function withQueryClient<T>(
  from: StartupConfig,
  use: (store: QuestdbQueryClient) => Promise<T>,
): Promise<T> {
  const { QuestdbQueryClient } = await import('../storage/questdb/query-client.ts');
  const store = new QuestdbQueryClient(requireQuestdbTargets(from).read);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
