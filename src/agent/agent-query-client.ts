import { findQuestdbTargets, type StartupConfig } from '../core/config/startup-config.ts';
import { createError } from '../core/perfscope-error.ts';
import type { QueryClient, QuestdbQueryClient } from '../storage/questdb/query-client.ts';

/** Loads and creates the client for queries on demand, because most services only write rows. */
export class AgentQueryClient {
  readonly #config: StartupConfig;
  #client: QuestdbQueryClient | undefined;

  constructor(config: StartupConfig) {
    this.#config = config;
  }

  /** @throws PS_NO_TARGET if no QuestDB is configured and no local server is running */
  async get(): Promise<QueryClient> {
    const read = findQuestdbTargets(this.#config)?.read;
    if (!read) throw createError('PS_NO_TARGET', {});
    const { QuestdbQueryClient } = await import('../storage/questdb/query-client.ts');
    this.#client ??= new QuestdbQueryClient(read);
    return this.#client;
  }

  /** Never rejects. */
  async close(): Promise<void> {
    await this.#client?.close().catch(() => {});
  }
}
