import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Folders that contain the compiled agent. Older versions have no agent package. */
const FOLDERS = ['dist/agent-package', 'dist'];

/**
 * Returns the path of a compiled module of the agent.
 *
 * @param checkout folder of the repository
 * @param name for example `register.js`
 * @throws Error if the checkout isn't compiled
 */
export function findAgentModule(checkout: string, name: string): string {
  const paths = FOLDERS.map((folder) => join(resolve(checkout), folder, name));
  const path = paths.find((each) => existsSync(each));
  if (!path) throw new Error(`${checkout} isn't compiled. Run npm run build in ${checkout}.`);
  return path;
}
