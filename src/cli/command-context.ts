import type { QuestdbTargets, ReadTarget } from '../core/config/questdb-targets.ts';
import {
  findQuestdbTargets,
  readStartupConfig,
  type StartupConfig,
} from '../core/config/startup-config.ts';
import { OWN_SERVICE_NAME } from '../core/own-service.ts';
import { createError, PerfscopeError } from '../core/perfscope-error.ts';
import type { QuestdbQueryClient } from '../storage/questdb/query-client.ts';

/**
 * Reads the environment variables. Prints all problems except the first, which it throws.
 *
 * @throws the first problem
 */
export function requireStartupConfig(): StartupConfig {
  const config = readStartupConfig(OWN_SERVICE_NAME);
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

/**
 * Runs queries, and reports the address of a QuestDB that can't be used.
 *
 * @throws PS_QUESTDB_UNREACHABLE instead of PS_UNAVAILABLE, whose advice is for callers of the API
 */
export async function withQueryErrors<T>(
  { host, port }: ReadTarget,
  use: () => Promise<T>,
): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (!(error instanceof PerfscopeError) || error.code !== 'PS_UNAVAILABLE') throw error;
    const url = `postgresql://${host}:${port}`;
    const reason = String(error.params.reason);
    throw createError('PS_QUESTDB_UNREACHABLE', { url, reason }, error);
  }
}

/** Calls `use` with a query client and closes it afterward. @throws PS_NO_TARGET, PS_QUESTDB_UNREACHABLE */
export async function withQueryClient<T>(
  config: StartupConfig,
  use: (queryClient: QuestdbQueryClient) => Promise<T>,
): Promise<T> {
  const { QuestdbQueryClient } = await import('../storage/questdb/query-client.ts');
  const target = requireQuestdbTargets(config).read;
  const queryClient = new QuestdbQueryClient(target);
  try {
    return await withQueryErrors(target, () => use(queryClient));
  } finally {
    await queryClient.close();
  }
}
