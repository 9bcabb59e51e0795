import type { ServiceResource } from '../schema/table-definition.ts';
import { getExternalQuestdbTargets, type QuestdbTargets } from './questdb-targets.ts';
import { getDiscoveryFilePath, readDiscoveryFile } from './server-discovery.ts';
import { detectServiceResource } from './service-resource.ts';
import { type ParsedSettings, parseSettings } from './settings.ts';

/** What this process was started with. The only place that looks at `process.env`. */
export interface StartupConfig extends ParsedSettings {
  readonly resource: ServiceResource;
  readonly discoveryFile: string;
}

/** @param fallbackName the service's name where the environment says none. */
export function readStartupConfig(fallbackName?: string): StartupConfig {
  const { env } = process;
  return {
    ...parseSettings(env),
    resource: detectServiceResource(env, fallbackName),
    discoveryFile: getDiscoveryFilePath(env),
  };
}

/** The environment that a child process of ours gets: enough to run, nothing that configures it. */
export function createChildEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, LANG, TZ, JAVA_HOME, TMPDIR } = process.env;
  return { PATH, HOME, LANG, TZ, JAVA_HOME, TMPDIR };
}

/** The configured QuestDB, else that of the server that runs on this machine. */
export function findQuestdbTargets(
  started: Pick<StartupConfig, 'settings' | 'discoveryFile'>,
): QuestdbTargets | undefined {
  return (
    getExternalQuestdbTargets(started.settings) ?? readDiscoveryFile(started.discoveryFile)?.questdb
  );
}
