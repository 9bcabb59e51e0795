import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LIBRARIES } from '../instrumentation/library-table.ts';
import { isShown } from '../instrumentation/loading/library-states.ts';

/** A supported library in the `dependencies` of an application. */
export interface DeclaredLibrary {
  readonly name: string;
  /** Installed version. Undefined if the library is not installed, for example because it is bundled. */
  readonly version: string | undefined;
}

/**
 * Returns the supported libraries in the `dependencies` of the nearest `package.json`. Never throws.
 *
 * @param folder the folder of the application, or a folder in it
 */
export function findDeclaredLibraries(folder: string): DeclaredLibrary[] {
  const root = listParents(folder).find((each) => existsSync(join(each, 'package.json')));
  if (root === undefined) return [];
  const { dependencies, optionalDependencies } = readManifest(join(root, 'package.json'));
  const names = Object.keys({ ...dependencies, ...optionalDependencies });
  return LIBRARIES.filter(
    (library) => isShown(library) && !library.isBuiltIn && names.includes(library.name),
  ).map(({ name }) => ({ name, version: findInstalledVersion(root, name) }));
}

function findInstalledVersion(folder: string, name: string): string | undefined {
  const files = listParents(folder).map((each) => join(each, 'node_modules', name, 'package.json'));
  const file = files.find((each) => existsSync(each));
  return file && readManifest(file).version;
}

/** Returns a folder and all folders that contain it. */
function listParents(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...listParents(parent)];
}

interface Manifest {
  readonly version?: string;
  readonly dependencies?: object;
  readonly optionalDependencies?: object;
}

function readManifest(file: string): Manifest {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Manifest;
  } catch {
    return {};
  }
}
