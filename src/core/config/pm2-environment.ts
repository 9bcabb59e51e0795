import type { EnvironmentVariables } from './parse-settings.ts';

/** Returns whether `script` is a script with which PM2 loads an application. */
export function isPm2Script(script: string | undefined): boolean {
  return script !== undefined && /[\\/]ProcessContainer(Fork)?\.js$/.test(script);
}

/**
 * Returns the environment that the application will have. In cluster mode, PM2 starts a process with
 * the environment of its daemon, and sets the application's variables after the agent is loaded.
 *
 * @param env environment of the process when the agent is loaded
 * @param script script of the process
 */
export function addPm2Environment(
  env: EnvironmentVariables,
  script: string | undefined,
): EnvironmentVariables {
  if (env.pm2_env === undefined || !isPm2Script(script)) return env;
  try {
    const variables = Object.entries(JSON.parse(env.pm2_env) as Record<string, unknown>);
    return {
      ...env,
      ...Object.fromEntries(variables.map(([name, value]) => [name, String(value)])),
    };
  } catch {
    return env;
  }
}
