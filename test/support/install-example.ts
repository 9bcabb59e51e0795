import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Name of the agent package. It isn't a dependency of this checkout. */
const AGENT = '@perfscope/agent';

export interface InstallExampleOptions {
  /** Folder with the installed packages. Default: this checkout. */
  readonly packages?: string;
}

/**
 * Copies an example to a folder, and links the packages that it depends on. The agent is the compiled one.
 *
 * @param name folder in `examples`
 * @param target folder to create
 * @returns the scripts in the example's `package.json`
 */
export function installExample(
  name: string,
  target: string,
  { packages = '.' }: InstallExampleOptions = {},
): Record<string, string> {
  cpSync(join('examples', name), target, {
    recursive: true,
    filter: (path) => !path.includes('node_modules'),
  });
  const { dependencies, scripts } = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8'));
  for (const dependency of Object.keys(dependencies)) {
    const link = join(target, 'node_modules', dependency);
    mkdirSync(dirname(link), { recursive: true });
    const isAgent = dependency === AGENT;
    symlinkSync(
      isAgent ? resolve('dist/agent-package') : findPackage(dependency, resolve(packages)),
      link,
    );
  }
  return scripts;
}

/**
 * Returns the folder of a package, as Node.js finds it.
 *
 * @throws Error if the package isn't installed in `from` or a parent folder
 */
export function findPackage(name: string, from: string): string {
  const path = join(from, 'node_modules', name);
  if (existsSync(path)) return path;
  if (dirname(from) === from) throw new Error(`${name} is not installed`);
  return findPackage(name, dirname(from));
}
