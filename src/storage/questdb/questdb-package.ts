import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Logger } from '../../core/log.ts';
import { createError } from '../../core/perfscope-error.ts';
import {
  getPackageFile,
  getPackageName,
  hashFile,
  PLATFORM_JAR_SHA256,
  QUESTDB_VERSION,
} from './questdb-release.mjs';

/** The Java command and the jar that QuestDB is started with. */
export interface QuestdbRuntime {
  readonly java: string;
  readonly jar: string;
}

export interface PackageLookup {
  /** Platform and architecture in Node.js terms, for example `linux-x64`. */
  readonly platform: string;
  /** Whether this Linux system uses glibc. The runtimes in the packages don't run with musl. */
  readonly hasGlibc: boolean;
  /** Files or URLs from which to resolve the package, in order. */
  readonly origins: readonly string[];
  /** Expected SHA-256 of the package's jar, or `undefined` if there is no package for the platform. */
  readonly jarSha256: string | undefined;
}

/**
 * Returns the lookup for this process. The package can be installed next to Perfscope or in the
 * project in the current folder.
 */
export function getPackageLookup(): PackageLookup {
  const platform = `${process.platform}-${process.arch}`;
  return {
    platform,
    hasGlibc: process.platform !== 'linux' || isGlibc(),
    origins: [import.meta.url, join(process.cwd(), 'package.json')],
    jarSha256: PLATFORM_JAR_SHA256[platform],
  };
}

/**
 * Returns QuestDB and the Java runtime from the installed platform package, or `undefined` if no
 * usable package is installed. Logs the reason if a package is installed but unusable.
 *
 * @throws PS_QUESTDB_JAR_CHANGED if the SHA-256 of the package's jar is wrong
 */
export function findQuestdbPackage(log: Logger, lookup: PackageLookup): QuestdbRuntime | undefined {
  if (lookup.jarSha256 === undefined) return undefined;
  for (const folder of listPackageFolders(lookup)) {
    const runtime = {
      java: join(folder, 'runtime', 'bin', isWindows(lookup) ? 'java.exe' : 'java'),
      jar: join(folder, 'questdb.jar'),
    };
    const problem = findProblem(folder, runtime, lookup);
    if (problem === undefined) {
      verifyJar(runtime.jar, lookup.jarSha256, lookup.platform);
      return runtime;
    }
    log.warn(`${folder} can't be used: ${problem}.`);
  }
  return undefined;
}

/**
 * Returns the file name of the package for this platform, or `undefined` if there is no package
 * that runs on it.
 */
export function getUsablePackageFile(lookup: PackageLookup): string | undefined {
  const { platform, hasGlibc, jarSha256 } = lookup;
  return hasGlibc && jarSha256 !== undefined ? getPackageFile(platform) : undefined;
}

function listPackageFolders({ platform, origins }: PackageLookup): string[] {
  const folders = origins.flatMap((origin) => {
    try {
      const manifest = createRequire(origin).resolve(`${getPackageName(platform)}/package.json`);
      return [join(manifest, '..')];
    } catch {
      return [];
    }
  });
  return [...new Set(folders)];
}

function findProblem(
  folder: string,
  { java, jar }: QuestdbRuntime,
  { hasGlibc }: PackageLookup,
): string | undefined {
  if (!hasGlibc) return 'its Java runtime needs glibc, and this system uses musl';
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    version?: string;
  };
  if (version !== QUESTDB_VERSION)
    return `it contains QuestDB ${version}, but Perfscope needs ${QUESTDB_VERSION}`;
  if (!existsSync(jar)) return 'questdb.jar is missing';
  try {
    accessSync(java, constants.X_OK);
  } catch {
    return `${java} is not executable`;
  }
  return undefined;
}

function verifyJar(jar: string, expected: string, platform: string): void {
  const found = hashFile(jar);
  if (found === expected) return;
  throw createError('PS_QUESTDB_JAR_CHANGED', {
    jar,
    found,
    expected,
    packageFile: getPackageFile(platform),
  });
}

function isWindows({ platform }: PackageLookup): boolean {
  return platform.startsWith('win32-');
}

/** Returns whether Node.js runs with glibc. Other Linux systems, such as Alpine, use musl. */
function isGlibc(): boolean {
  const report: NodeJS.ProcessReport & { excludeNetwork?: boolean } = process.report;
  const { excludeNetwork = false } = report;
  // Without this option, the report looks up the host name of each connection.
  report.excludeNetwork = true;
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
  report.excludeNetwork = excludeNetwork;
  return header.glibcVersionRuntime !== undefined;
}
