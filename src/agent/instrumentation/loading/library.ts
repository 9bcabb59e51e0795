import type { InstrumentationContext } from '../instrumentation-context.ts';

/** What a library is used for. Decides the section in the docs. */
export type LibraryCategory =
  | 'framework'
  | 'full-stack'
  | 'api'
  | 'rpc'
  | 'http-client'
  | 'database'
  | 'orm'
  | 'queue';

/** Supported versions of a library. */
export interface VersionRange {
  /** Oldest supported version, such as `3.20.0`. */
  readonly from: string;
  /** Newest supported major version, such as `5`. */
  readonly to: number;
}

/**
 * A library that the agent measures. Each library is one file, and one entry in `library-table.ts`, which the
 * docs, `doctor`, and the start line read.
 */
export interface Library {
  /** Name of the package, or of the part of Node.js. */
  readonly name: string;
  readonly category: LibraryCategory;
  /** Supported versions of the package, or of Node.js. */
  readonly versions: VersionRange;
  /** Whether the library is a part of Node.js. It has no package, and is always measured. */
  readonly isBuiltIn?: boolean;
  /** Whether the package publishes everything to channels, so each loaded copy is measured without a patch. */
  readonly usesChannels?: boolean;
  /** What is measured, as a sentence for the docs. */
  readonly measured: string;
  /** What is not measured, as a sentence for the docs. */
  readonly limits?: string;
  /** Name of the library that users know, if this package is only a part of it. Such packages are not listed. */
  readonly partOf?: string;
  /** Messages in the source text. Bundlers keep them, so `doctor` recognizes a bundled copy by one of them. */
  readonly bundledMessages?: readonly string[];
  /** Names of the libraries that do this library's work, such as the drivers of an ORM. If one is measured, so is this. */
  readonly through?: readonly string[];
  /** Names of the libraries that the build contains, and that are measured with this library. */
  readonly bundledLibraries?: readonly string[];
  /** Returns the version in a build, by a file of the build. Set if applications never load the package itself. */
  readonly readBundledVersion?: (file: string) => string;
  /** Creates the code that measures the library. Undefined if another library measures it, for example a driver. */
  readonly instrument?: (context: InstrumentationContext) => LibraryHooks;
}

/** A file of a library that the application has loaded. */
export interface LoadedFile {
  /** Version of the package, or `unknown`. */
  readonly version: string;
  /** Path of the file in the package, such as `lib/client.js`. `''` is the main file. */
  readonly path: string;
  /** Folder of the package. */
  readonly folder: string;
}

/**
 * Patches the exports of a CommonJS file. A thrown error becomes the reason why the library is not measured.
 *
 * @returns exports that replace the original ones, or undefined to keep them
 */
export type FilePatch = (exports: unknown, file: LoadedFile) => unknown;

/** Patches the variables of an ES module, or of a CommonJS file that ES modules import. */
interface ModulePatch {
  /**
   * Names of variables at the top level of the module, such as its classes. A variable with another name in the module
   * is found by the name of its export. `module` is the variable of a CommonJS file. The hook for `require` misses such
   * files if an ES module imports them.
   */
  readonly names: readonly string[];
  /**
   * Called at the end of the module. A thrown error becomes the reason why the library is not measured.
   *
   * @param variables the variables by name. A name that the module doesn't declare is undefined. To replace a
   * class, function, or `let`, set its property.
   */
  readonly patch: (variables: Record<string, unknown>, file: LoadedFile) => void;
}

/** Patches a library in a file of an application's build, which contains the library's code. */
interface BundlePatch {
  /** Matches the URLs of such files. */
  readonly url: RegExp;
  /**
   * Matches functions in the file, by the name for `patch`. The first group is the function's name in the file. A file is
   * only patched if it contains the first of these functions.
   */
  readonly functions: Readonly<Record<string, RegExp>>;
  /**
   * Called before the code of the file. To replace a function, set its property.
   *
   * @param functions the functions by name. A function that the file doesn't contain is undefined.
   */
  readonly patch: (functions: Record<string, unknown>) => void;
}

/**
 * The files of a library that the agent patches, by their path in the package. A hash in the name of a file is written as
 * `*`, such as in `dist/server-*.mjs`.
 */
export interface LibraryHooks {
  /** CommonJS files. `''` is the main file, or the module of Node.js when the application loads it. */
  readonly patches?: Readonly<Record<string, FilePatch>>;
  /** ES modules. */
  readonly modules?: Readonly<Record<string, ModulePatch>>;
  readonly bundle?: BundlePatch;
}

/** A hash that a bundler has added to the name of a file. */
const FILE_HASH = /-[\w-]{8}(?=\.[cm]?js$)/;

/** Returns the entry of a file, or of its name without the hash. */
export function findFileEntry<T>(
  entries: Readonly<Record<string, T>> | undefined,
  path: string,
): T | undefined {
  return entries?.[path] ?? entries?.[path.replace(FILE_HASH, '-*')];
}

/** Returns whether a version is in a range. */
export function isSupportedVersion(version: string, { from, to }: VersionRange): boolean {
  const parts = version.split(/[.-]/).map(Number);
  const fromParts = from.split('.').map(Number);
  if (!((parts[0] ?? Number.NaN) <= to)) return false;
  for (const [i, minimum] of fromParts.entries()) {
    const part = parts[i] ?? 0;
    if (part !== minimum) return part > minimum;
  }
  return true;
}

/** Formats a range of versions, such as `4 to 5` or `0.30 to 0.x`. */
export function formatVersionRange({ from, to }: VersionRange): string {
  const [major, minor, patch] = from.split('.');
  const first = [major, ...(minor === '0' && patch === '0' ? [] : [minor])].join('.');
  if (first === String(to)) return first;
  return Number(major) === to ? `${first} to ${to}.x` : `${first} to ${to}`;
}
