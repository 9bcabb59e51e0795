import { readFileSync } from 'node:fs';
import { npmPurl, type SbomPackage } from './sbom.ts';

interface LockEntry {
  readonly version: string;
  readonly license: string;
  readonly integrity: string;
  readonly dev?: true;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** The packages in `package-lock.json`, by their path, for example `node_modules/pg`. */
type LockEntries = Readonly<Record<string, LockEntry>>;

/**
 * Returns the packages that `package-lock.json` lists at `paths`.
 *
 * @throws Error if a path is not in the lock file
 */
export function readLockedPackages(paths: readonly string[]): SbomPackage[] {
  const entries = readLockEntries();
  return paths.map((path) => toSbomPackage(path, entries));
}

/** Returns the packages that are installed with Perfscope: all except development dependencies. */
export function readProductionPackages(): SbomPackage[] {
  const entries = readLockEntries();
  const paths = Object.keys(entries).filter((path) => path !== '' && !entries[path]!.dev);
  return paths.map((path) => toSbomPackage(path, entries));
}

/** Returns the package URLs of Perfscope's direct dependencies. */
export function readDirectDependencies(): string[] {
  return listDependencies('', readLockEntries());
}

function readLockEntries(): LockEntries {
  return (JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: LockEntries })
    .packages;
}

function toSbomPackage(path: string, entries: LockEntries): SbomPackage {
  const entry = entries[path];
  if (!entry) throw new Error(`package-lock.json has no package at ${path}.`);
  const { version, license, integrity } = entry;
  const name = getName(path);
  const content = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex');
  return {
    purl: npmPurl(name, version),
    name,
    version,
    license,
    hashes: [{ alg: 'SHA-512', content }],
    dependsOn: listDependencies(path, entries),
  };
}

function listDependencies(path: string, entries: LockEntries): string[] {
  const { dependencies, optionalDependencies } = entries[path]!;
  const names = Object.keys({ ...dependencies, ...optionalDependencies });
  return names.flatMap((name) => {
    const found = resolveDependency(path, name, entries);
    return found ? [npmPurl(name, entries[found]!.version)] : [];
  });
}

/** Returns the path of a dependency, searching the folders in the order of Node.js. */
function resolveDependency(from: string, name: string, entries: LockEntries): string | undefined {
  const path = `${from && `${from}/`}node_modules/${name}`;
  if (entries[path]) return path;
  if (from === '') return undefined;
  const parent = from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/')));
  return resolveDependency(parent, name, entries);
}

function getName(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}
