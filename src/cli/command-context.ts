import type { QuestdbTargets } from '../core/config/questdb-targets.ts';
import {
  findQuestdbTargets,
  readStartupConfig,
  type StartupConfig,
} from '../core/config/startup-config.ts';
import { createError } from '../core/perfscope-error.ts';
import type { QuestdbQueryClient } from '../storage/questdb/query-client.ts';

/**
 * Reads the environment variables. Prints all problems except the first, which it throws.
 *
 * @throws the first problem
 */
export function requireStartupConfig(): StartupConfig {
  const config = readStartupConfig('perfscope');
  const [first, ...others] = config.problems;
  for (const problem of others) {
    process.stderr.write(`perfscope: ${problem.code}: ${problem.message}\n`);
  }
  if (first) throw first;
  return config;
}

/** Returns the targets of the configured QuestDB or of the local server's QuestDB. @throws PS_NO_TARGET */
export function requireQuestdbTargets(config: StartupConfig): QuestdbTargets {
  const targets = findQuestdbTargets(config);
  if (!targets) throw createError('PS_NO_TARGET', {});
  return targets;
}

/** Calls `use` with a query client and closes it afterward. @throws PS_NO_TARGET */
export async function withQueryClient<T>(
  config: StartupConfig,
  use: (queryClient: QuestdbQueryClient) => Promise<T>,
): Promise<T> {
  const { QuestdbQueryClient } = await import('../storage/questdb/query-client.ts');
  const queryClient = new QuestdbQueryClient(requireQuestdbTargets(config).read);
  try {
    return await use(queryClient);
  } finally {
    await queryClient.close();
  }
}
