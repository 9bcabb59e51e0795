import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { Hook } from 'require-in-the-middle';
import { guard } from '../../../core/guard.ts';
import { errorMessage } from '../../../core/perfscope-error.ts';
import type { InstrumentationContext } from '../instrumentation-context.ts';
import { UNMEASURED_LIBRARIES } from '../unmeasured-libraries.ts';
import {
  findFileEntry,
  formatVersionRange,
  isSupportedVersion,
  type Library,
  type LibraryHooks,
  type LoadedFile,
} from './library.ts';
import { canHookModules, hookModules } from './module-hook.ts';
import {
  findUnmeasuredPackages,
  isBuiltinLoaded,
  NOT_YET_MEASURED,
} from './unmeasured-packages.ts';

/** Whether a library that this process loaded is measured. */
export interface LibraryState {
  name: string;
  version: string;
  measured: boolean;
  /** Reason why the library is not measured. */
  reason: string | undefined;
  /** Whether the agent can measure this library. Default: `true`. */
  isSupported?: boolean;
  /** Whether a file of the library was loaded as an ES module. */
  isModule?: boolean;
  /** The measured library that does the work of this library. */
  through?: string | undefined;
}

/** Instruments libraries when they are loaded, and lists the loaded libraries. */
export class InstrumentationRegistry {
  readonly #libraries: readonly Library[];
  /** Modules of Node.js that are patched when the application loads them. */
  readonly #builtIns: ReadonlyMap<string, Library>;
  readonly #hooks: ReadonlyMap<string, LibraryHooks>;
  readonly #states = new Map<string, LibraryState>();
  /** Called after a library was loaded, or its state changed. Must not throw. */
  onChange: () => void = () => {};

  /**
   * Hooks `require`, and `import` for libraries that are ES modules. If an ES module imports a CommonJS package,
   * the hook misses its main file, but not the internal files that the main file requires.
   */
  constructor(libraries: readonly Library[], context: InstrumentationContext) {
    this.#hooks = new Map(libraries.map((each) => [each.name, each.instrument?.(context) ?? {}]));
    const packages = libraries.filter(
      ({ isBuiltIn, readBundledVersion }) => !isBuiltIn && !readBundledVersion,
    );
    this.#libraries = packages;
    this.#builtIns = new Map(
      libraries
        .filter(({ name, isBuiltIn }) => isBuiltIn && this.#hooks.get(name)?.patches !== undefined)
        .map((each) => [each.name, each]),
    );
    const bundles = libraries.flatMap((library) => {
      const { bundle } = this.#hooks.get(library.name)!;
      return bundle ? [{ library, bundle }] : [];
    });
    const loadedFiles = Object.keys(createRequire(import.meta.url).cache ?? {});
    for (const each of packages) this.#findPreloaded(each, loadedFiles);
    for (const [name, each] of this.#builtIns) {
      if (isBuiltinLoaded(name)) this.#patchBuiltIn(each, process.getBuiltinModule(name));
    }
    const onLoad = guard('the library hook', (exports: unknown, name: string, basedir?: string) =>
      this.#onLoad(exports, name.split(sep).join('/'), basedir),
    );
    new Hook(
      [...packages.map(({ name }) => name), ...this.#builtIns.keys()],
      { internals: true },
      (exports, name, basedir) => (onLoad(exports, name, basedir) ?? exports) as typeof exports,
    );
    hookModules(packages, {
      bundles: bundles.map(({ library, bundle: { url, functions } }) => ({
        name: library.name,
        url,
        functions,
      })),
      onBundle: (name, file, functions) => {
        const found = bundles.find(({ library }) => library.name === name);
        if (found) this.#patchBundle(found.library, file, () => found.bundle.patch(functions));
      },
      packages: new Set([
        ...packages.map(({ name }) => name),
        ...Object.keys(UNMEASURED_LIBRARIES),
      ]),
      onPackage: (name, folder) => this.#onModule(name, folder),
      builtIns: new Set(this.#builtIns.keys()),
      onBuiltIn: (name) => this.#onLoad(process.getBuiltinModule(name), name, undefined),
      findNames: (library, path) =>
        findFileEntry(this.#hooks.get(library.name)?.modules, path)?.names,
      onLoad: (library, path, folder, variables) =>
        void this.#patch(library, path, folder, (file) =>
          findFileEntry(this.#hooks.get(library.name)?.modules, path)?.patch(variables, file),
        ),
    });
  }

  /**
   * The libraries loaded so far, including popular libraries that the agent doesn't measure yet. Each installed copy is
   * listed once.
   */
  get loadedLibraries(): readonly LibraryState[] {
    for (const [name, folder] of findUnmeasuredPackages()) this.#addUnmeasured(name, folder);
    const states = [...this.#states.values()];
    for (const { name, through } of this.#libraries) {
      if (through) setMeasuredThrough(states, name, through);
    }
    return states;
  }

  /** Names of the libraries whose ES modules this version of Node.js can't measure. */
  get unhookedLibraries(): readonly string[] {
    if (canHookModules()) return [];
    return [...this.#hooks]
      .filter(([, { modules }]) => modules !== undefined)
      .map(([name]) => name);
  }

  #onModule(name: string, folder: string): void {
    const library = this.#libraries.find((each) => each.name === name);
    if (!library) {
      if (this.#addUnmeasured(name, folder)) this.onChange();
      return;
    }
    const state = this.#states.get(folder) ?? this.#checkVersion(library, folder);
    state.isModule = true;
  }

  /** @returns whether the library was not known before */
  #addUnmeasured(name: string, folder: string): boolean {
    const key = folder || name;
    if (this.#states.has(key)) return false;
    const version = folder === '' ? process.version : readPackageVersion(folder);
    const reason = NOT_YET_MEASURED;
    this.#states.set(key, { name, version, measured: false, reason, isSupported: false });
    return true;
  }

  #findPreloaded(library: Library, loadedFiles: readonly string[]): void {
    const { name } = library;
    const folder = `${sep}node_modules${sep}${name.split('/').join(sep)}${sep}`;
    const file = loadedFiles.find((path) => path.includes(folder));
    if (!file || isLoadedByOpenTelemetry(file)) return;
    const basedir = file.slice(0, file.lastIndexOf(folder) + folder.length - 1);
    if (library.usesChannels) {
      this.#checkVersion(library, basedir);
      return;
    }
    const reason = 'it was loaded before the agent';
    this.#setState(basedir, { name, measured: false, reason });
  }

  #onLoad(exports: unknown, name: string, basedir: string | undefined): unknown {
    const builtIn = this.#builtIns.get(name);
    if (builtIn) return this.#patchBuiltIn(builtIn, exports);
    const library = this.#libraries.find(
      (each) => name === each.name || name.startsWith(`${each.name}/`),
    );
    if (!library || basedir === undefined) return undefined;
    const path = name.slice(library.name.length + 1);
    const { patches } = this.#hooks.get(library.name)!;
    const patch =
      findFileEntry(patches, path) ?? patches?.[`${path}.js`] ?? patches?.[`${path}.cjs`];
    return this.#patch(library, path, basedir, patch && ((file) => patch(exports, file)));
  }

  /** An ES module and a CommonJS file can load the same module. */
  #patchBuiltIn(library: Library, exports: unknown): undefined {
    const { name } = library;
    if (this.#states.has(name)) return;
    const version = process.versions.node;
    this.#states.set(name, { name, version, measured: false, reason: undefined });
    const patch = this.#hooks.get(name)?.patches?.[''];
    this.#patch(library, '', name, patch && ((file) => patch(exports, file)));
  }

  #patch(
    library: Library,
    path: string,
    folder: string,
    patch: ((file: LoadedFile) => unknown) | undefined,
  ): unknown {
    const state = this.#states.get(folder) ?? this.#checkVersion(library, folder);
    if (state.reason !== undefined || !patch) return undefined;
    let replacement: unknown;
    try {
      replacement = patch({ version: state.version, path, folder });
      state.measured = true;
    } catch (error) {
      state.reason = `its internals differ from the supported versions (${errorMessage(error)})`;
      state.measured = false;
    }
    this.onChange();
    return replacement;
  }

  /** @param file path of a file in a build that contains the library */
  #patchBundle(library: Library, file: string, patch: () => void): void {
    const { name, versions, readBundledVersion } = library;
    const version = readBundledVersion?.(file) ?? 'unknown';
    const state: LibraryState = { name, version, measured: false, reason: undefined };
    this.#states.set(file, state);
    if (isSupportedVersion(version, versions)) {
      try {
        patch();
        state.measured = true;
      } catch (error) {
        state.reason = `its internals differ from the supported versions (${errorMessage(error)})`;
      }
    } else state.reason = `only version ${formatVersionRange(versions)} is supported`;
    this.onChange();
  }

  #checkVersion(library: Library, basedir: string): LibraryState {
    const { name, versions, usesChannels = false } = library;
    const state = this.#setState(basedir, { name, measured: usesChannels, reason: undefined });
    if (!isSupportedVersion(state.version, versions)) {
      state.measured = false;
      state.reason = `only version ${formatVersionRange(versions)} is supported`;
    }
    this.onChange();
    return state;
  }

  #setState(basedir: string, state: Omit<LibraryState, 'version'>): LibraryState {
    const libraryState = { ...state, version: readPackageVersion(basedir) };
    this.#states.set(basedir, libraryState);
    return libraryState;
  }
}

/** Sets whether the libraries that do the work of a library are measured. */
function setMeasuredThrough(
  states: readonly LibraryState[],
  name: string,
  through: readonly string[],
): void {
  const driver = states.find((each) => each.measured && through.includes(each.name))?.name;
  for (const state of states) {
    if (state.name !== name || state.reason?.startsWith('only version')) continue;
    state.measured = driver !== undefined;
    state.through = driver;
    state.reason = driver ? undefined : `none of its drivers is measured: ${through.join(', ')}`;
  }
}

function readPackageVersion(basedir: string): string {
  try {
    const manifest = readFileSync(join(basedir, 'package.json'), 'utf8');
    return String((JSON.parse(manifest) as { version?: unknown }).version ?? 'unknown');
  } catch {
    return 'unknown';
  }
}

/** Whether an SDK of the application loaded a file for its exporters, such as `@grpc/grpc-js`. */
function isLoadedByOpenTelemetry(file: string): boolean {
  const parent = createRequire(import.meta.url).cache?.[file]?.parent as NodeJS.Module | undefined;
  const { filename } = parent ?? {};
  return filename?.includes(`${sep}node_modules${sep}@opentelemetry${sep}`) === true;
}
