import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getAgentFileName } from '../../core/agent-download.ts';
import { createError } from '../../core/perfscope-error.ts';

/** The package that services install. It contains no secrets. */
export interface AgentPackage {
  /** Absolute path of the file. */
  readonly file: string;
  readonly fileName: string;
  readonly bytes: Buffer;
  /** SHA-512 in the format of `package-lock.json`: `sha512-` and the hash in base64. */
  readonly integrity: string;
}

/** The folder in which the build creates the package. It is the same for `src` and `dist`. */
const DIST_FOLDER = fileURLToPath(new URL('../../../dist', import.meta.url));
const loadedPackages = new Map<string, AgentPackage>();

/**
 * Returns the agent package of this Perfscope's version. Reads the file on the first call only, so
 * its content doesn't change while the process runs.
 *
 * @param folder folder of the file. Default: `dist` in the folder of Perfscope.
 * @throws PS_AGENT_MISSING if the file can't be read
 */
export function loadAgentPackage(folder: string = DIST_FOLDER): AgentPackage {
  const loaded = loadedPackages.get(folder) ?? readAgentPackage(folder);
  loadedPackages.set(folder, loaded);
  return loaded;
}

function readAgentPackage(folder: string): AgentPackage {
  const fileName = getAgentFileName();
  const file = join(folder, fileName);
  try {
    const bytes = readFileSync(file);
    const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
    return { file, fileName, bytes, integrity };
  } catch (error) {
    throw createError('PS_AGENT_MISSING', { file }, error);
  }
}
