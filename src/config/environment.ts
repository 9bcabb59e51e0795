import type { Origin } from '../schema/dimensions.ts';
import { discoveryFile } from './discovery.ts';
import { readOrigin } from './origin.ts';
import { type ParsedSettings, parseSettings } from './settings.ts';

/** What this process was started with. The only place that looks at `process.env`. */
export interface Started extends ParsedSettings {
  readonly origin: Origin;
  readonly discoveryFile: string;
}

/** @param fallbackName the service's name where the environment says none. */
export function readEnvironment(fallbackName?: string): Started {
  const { env } = process;
  return {
    ...parseSettings(env),
    origin: readOrigin(env, fallbackName),
    discoveryFile: discoveryFile(env),
  };
}

/** The environment that a child process of ours gets: enough to run, nothing that configures it. */
export function childEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, LANG, TZ, JAVA_HOME, TMPDIR } = process.env;
  return { PATH, HOME, LANG, TZ, JAVA_HOME, TMPDIR };
}
