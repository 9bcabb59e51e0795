import { mkdirSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * Imports a package as a module in `folder` would. `require.resolve` would find the CommonJS files of a package that
 * has both kinds.
 *
 * @param name a package, a built-in module, or a file in the folder
 */
export async function importLibrary(name, folder) {
  if (isBuiltin(name)) return import(name);
  if (name.startsWith('.')) return import(pathToFileURL(resolve(folder, name)).href);
  const importer = join(resolve(folder), 'node_modules/.perfscope-import');
  mkdirSync(importer, { recursive: true });
  const file = join(importer, `${name.replaceAll('/', '-')}.mjs`);
  writeFileSync(file, `export default await import('${name}');\n`);
  return (await import(pathToFileURL(file).href)).default;
}
