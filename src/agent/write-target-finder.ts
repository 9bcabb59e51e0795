import { isMainThread } from 'node:worker_threads';
import { getAgentUrl } from '../core/agent-download.ts';
import {
  getRowTarget,
  type PausedTarget,
  type WriteTarget,
} from '../core/config/questdb-targets.ts';
import { findQuestdbTargets, type StartupConfig } from '../core/config/startup-config.ts';
import { createError } from '../core/perfscope-error.ts';
import { VERSION } from '../core/version.ts';
import { areVersionsCompatible } from '../core/version-compatibility.ts';

export interface WriteTargetFinderOptions {
  readonly config: StartupConfig;
  /** Replaces the search for the configured QuestDB, and for the QuestDB of the local server. */
  readonly target: (() => WriteTarget | PausedTarget | undefined) | undefined;
  /** Logs a message once for each kind. */
  readonly warnOnce: (kind: string, message: string) => void;
}

/** Finds the QuestDB to which rows are sent, and checks the version of its server. */
export class WriteTargetFinder {
  readonly #options: WriteTargetFinderOptions;
  #hasFound = false;

  constructor(options: WriteTargetFinderOptions) {
    this.#options = options;
  }

  /** Whether a QuestDB was known at any time. It can be back soon. */
  get hasFound(): boolean {
    return this.#hasFound;
  }

  /** Returns the current QuestDB, why writes are paused, or undefined if no QuestDB is known. */
  find(): WriteTarget | PausedTarget | undefined {
    const target = this.#find();
    if (target) this.#hasFound = true;
    return target;
  }

  #find(): WriteTarget | PausedTarget | undefined {
    const { target, config } = this.#options;
    if (target) return target();
    const targets = findQuestdbTargets(config, (server) =>
      this.checkServerVersion(server.version, server.serverUrl),
    );
    return targets && getRowTarget(targets);
  }

  /**
   * Logs a warning, once for each version, if the server is incompatible with this agent. An unknown version counts as
   * compatible.
   */
  checkServerVersion(version: string | undefined, serverUrl: string): void {
    // Worker threads have the same agent as the main thread, so only the main thread logs.
    if (!isMainThread || version === undefined || areVersionsCompatible(version, VERSION)) return;
    const { config, warnOnce } = this.#options;
    const { service } = config.resource;
    const url = getAgentUrl(serverUrl, version);
    const versions = { service, agent: VERSION, server: version, url };
    warnOnce(`server ${version}`, createError('PS_VERSION_INCOMPATIBLE', versions).message);
  }
}
