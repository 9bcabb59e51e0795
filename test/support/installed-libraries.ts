import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LIBRARIES } from '../../src/agent/instrumentation/library-table.ts';
import {
  isSupportedVersion,
  type Library,
} from '../../src/agent/instrumentation/loading/library.ts';

/** A supported version of a library that is installed for tests. */
export interface InstalledLibrary {
  readonly library: Library;
  readonly version: string;
  /** Folder of the package. */
  readonly path: string;
  /** A folder whose scripts load this copy. */
  readonly project: string;
}

/** The folders in which tests install libraries. */
const PROJECTS = [
  '.',
  ...readdirSync('test/libraries')
    .map((name) => join('test/libraries', name))
    .filter((each) => existsSync(join(each, 'package.json'))),
].map((each) => resolve(each));

/**
 * Libraries that users know and that the agent instruments itself. Modules of Node.js aren't installed, and applications
 * don't load the packages that are only in their build.
 */
export const OWN_LIBRARIES = LIBRARIES.filter(
  ({ partOf, through, instrument, isBuiltIn, readBundledVersion }) =>
    !partOf && !through && instrument && !isBuiltIn && !readBundledVersion,
);

/** Returns each supported version of a library that is installed for tests, once. */
export function findInstalledLibraries(library: Library): InstalledLibrary[] {
  const found = new Map<string, InstalledLibrary>();
  for (const project of PROJECTS) {
    const path = findPackage(project, library.name);
    if (path === undefined || found.has(path) || !isDeclared(project, library.name)) continue;
    const { version } = readJson(join(path, 'package.json')) as { version: string };
    if (isSupportedVersion(version, library.versions))
      found.set(path, { library, version, path, project });
  }
  return [...found.values()];
}

/** Looks in the project and in the folders that contain it. */
function findPackage(project: string, name: string): string | undefined {
  const parents = [project, resolve(project, '..'), resolve('.')];
  const candidates = parents.map((each) => join(each, 'node_modules', name));
  const path = candidates.find((each) => existsSync(join(each, 'package.json')));
  return path && realpathSync(path);
}

/** Packages that projects declare instead of one of their dependencies. */
const DECLARED_AS: Readonly<Record<string, string>> = { '@redis/client': 'redis' };

/** Whether a project depends on a library. Several projects can share one installed copy. */
export function isDeclared(project: string, name: string): boolean {
  const manifest = readJson(join(project, 'package.json')) as Record<string, object | undefined>;
  return ['dependencies', 'devDependencies'].some((field) =>
    Object.hasOwn(manifest[field] ?? {}, DECLARED_AS[name] ?? name),
  );
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}
