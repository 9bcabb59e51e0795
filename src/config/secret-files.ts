import { readFileSync } from 'node:fs';
import { coded, type PerfscopeError, reasonOf } from '../errors.ts';
import type { Environment } from './settings.ts';
import { VARIABLES, type VariableName } from './variables.ts';

const SUFFIX = '_FILE';

/** Variables that may stand in a file: whoever lists a container's environment does not see them. */
const IN_FILES = (Object.keys(VARIABLES) as VariableName[])
  .filter((name) => name.endsWith(SUFFIX))
  .map((file) => ({ file, name: file.slice(0, -SUFFIX.length) }))
  .filter(({ name }) => Object.hasOwn(VARIABLES, name));

/**
 * The environment with what stands in the files that `NAME_FILE` variables name. White space at the
 * end of a file is not part of its secret.
 */
export function withSecretFiles(env: Environment, problems: PerfscopeError[]): Environment {
  const found: Record<string, string> = {};
  for (const { file, name } of IN_FILES) {
    const path = env[file]?.trim();
    if (!path) continue;
    if (env[name]?.trim()) {
      problems.push(coded('PS_CONFIG_CONFLICT', { given: name, other: file }));
      continue;
    }
    try {
      const secret = readFileSync(path, 'utf8').trim();
      if (secret === '') throw new Error('it is empty');
      found[name] = secret;
    } catch (error) {
      problems.push(coded('PS_SECRET_FILE', { name: file, reason: reasonOf(error) }));
    }
  }
  return { ...env, ...found };
}
