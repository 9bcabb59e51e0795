import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The function of the API that reads a registration. Bundlers add a number to duplicate names. */
const GET_GLOBAL_PATTERN = /^getGlobal(?:\$?\d+)?$/;
const API_PACKAGE = '@opentelemetry/api';
/** Folders between the package's manifest and its file `global-utils`, with some tolerance. */
const MAX_PARENT_FOLDERS = 5;

/** A copy of `@opentelemetry/api` in this process. */
export interface ApiCopy {
  /** Minor version, or undefined if the copy is part of a bundle. */
  readonly minor: number | undefined;
}

interface GlobalUtilsModule {
  getGlobal?: (type: string) => unknown;
}

/**
 * Finds the copies of `@opentelemetry/api` whose function `getGlobal` was called. In a CommonJS copy,
 * wraps this function, so that its calls are recognized without an inspection of the stack.
 */
export class ApiCopies {
  readonly #copies = new Map<string, ApiCopy>();
  readonly #loadedModules = createRequire(import.meta.url).cache ?? {};
  #reading: ApiCopy | undefined;

  /** The copy whose wrapped function `getGlobal` is running. */
  get reading(): ApiCopy | undefined {
    return this.#reading;
  }

  /**
   * Returns the copy of a calling function, or undefined if the function isn't `getGlobal`.
   *
   * @param file path or URL of the function's file
   */
  find(functionName: string, file: string): ApiCopy | undefined {
    if (!GET_GLOBAL_PATTERN.test(functionName)) return undefined;
    const known = this.#copies.get(file);
    if (known) return known;
    const copy = { minor: readMinorVersion(file) };
    this.#copies.set(file, copy);
    this.#wrapGetGlobal(file, copy);
    return copy;
  }

  #wrapGetGlobal(file: string, copy: ApiCopy): void {
    try {
      const exports = this.#loadedModules[file]?.exports as GlobalUtilsModule | undefined;
      const original = exports?.getGlobal;
      if (!exports || typeof original !== 'function') return;
      exports.getGlobal = (type) => {
        this.#reading = copy;
        try {
          return original(type);
        } finally {
          this.#reading = undefined;
        }
      };
    } catch {
      // The exports are read-only, so each call is inspected.
    }
  }
}

function readMinorVersion(file: string): number | undefined {
  try {
    let folder = dirname(file.startsWith('file:') ? fileURLToPath(file) : file);
    for (let i = 0; i < MAX_PARENT_FOLDERS; i++, folder = dirname(folder)) {
      const version = readApiVersion(join(folder, 'package.json'));
      if (version !== undefined) return parseMinorVersion(version);
    }
  } catch {
    // The file is not on disk.
  }
  return undefined;
}

function readApiVersion(manifestFile: string): string | undefined {
  try {
    const manifest = JSON.parse(readFileSync(manifestFile, 'utf8')) as Record<string, string>;
    return manifest.name === API_PACKAGE ? manifest.version : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the minor version of a version such as `1.9.1`, or undefined if it is invalid. */
export function parseMinorVersion(version: unknown): number | undefined {
  const [, minor] = /^1\.(\d+)\./.exec(String(version)) ?? [];
  return minor === undefined ? undefined : Number(minor);
}
