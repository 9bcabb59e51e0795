import type { ServiceResource } from '../schema/table-definition.ts';
import { type LambdaEnvironment, readLambdaEnvironment } from './lambda-environment.ts';
import { type EnvironmentVariables, type ParsedSettings, parseSettings } from './parse-settings.ts';
import { addPm2Environment } from './pm2-environment.ts';
import { getExternalQuestdbTargets, type QuestdbTargets } from './questdb-targets.ts';
import {
  getDiscoveryFilePath,
  readDiscoveryFile,
  type ServerDiscovery,
} from './server-discovery.ts';
import { detectHost, detectServiceResource, readResourceAttributes } from './service-resource.ts';

/** The configuration of this process. No other module reads `process.env`. */
export interface StartupConfig extends ParsedSettings {
  readonly resource: ServiceResource;
  /** Name of the host, the container, or the pod. */
  readonly host: string;
  /** The attributes in `OTEL_RESOURCE_ATTRIBUTES`. */
  readonly resourceAttributes?: ReadonlyMap<string, string> | undefined;
  /** The AWS Lambda function that this process runs. Undefined outside of AWS Lambda. */
  readonly lambda?: LambdaEnvironment | undefined;
  readonly discoveryFile: string;
  /** Folder in which the application starts. Undefined if the folder was deleted. */
  readonly folder: string | undefined;
}

/**
 * Reads the configuration from the environment. Never throws.
 *
 * @param fallbackName service name if the environment defines none
 * @param overrides variables that replace variables of the environment. Undefined values unset a variable.
 */
export function readStartupConfig(
  fallbackName?: string,
  overrides: EnvironmentVariables = {},
): StartupConfig {
  const env = addPm2Environment(process.env, process.argv[1]);
  const folder = env === process.env ? getCurrentFolder() : env.pm_cwd;
  return {
    ...parseSettings({ ...env, ...overrides }),
    resource: detectServiceResource(env, folder, fallbackName),
    host: detectHost(env),
    resourceAttributes: readResourceAttributes(env),
    lambda: readLambdaEnvironment(env),
    discoveryFile: getDiscoveryFilePath(env),
    folder,
  };
}

function getCurrentFolder(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

/** Returns the environment for child processes: system variables only, no settings. */
export function createChildEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, LANG, TZ, JAVA_HOME, TMPDIR } = process.env;
  return { PATH, HOME, LANG, TZ, JAVA_HOME, TMPDIR };
}

/**
 * Returns the configured QuestDB. If none is configured, returns the QuestDB of the local server.
 *
 * @param onServer called with the local server if its QuestDB is returned
 */
export function findQuestdbTargets(
  config: Pick<StartupConfig, 'settings' | 'discoveryFile'>,
  onServer?: (server: ServerDiscovery) => void,
): QuestdbTargets | undefined {
  const external = getExternalQuestdbTargets(config.settings);
  if (external) return external;
  const server = readDiscoveryFile(config.discoveryFile);
  if (server) onServer?.(server);
  return server?.questdb;
}
