import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { Hook } from 'require-in-the-middle';
import { guard } from '../../../core/guard.ts';
import { errorMessage } from '../../../core/perfscope-error.ts';
import type { InstrumentationContext } from '../instrumentation-context.ts';
import {
  formatVersionRange,
  isSupportedVersion,
  type Library,
  type LibraryHooks,
  type LoadedFile,
} from './library.ts';
import { hookModules } from './module-hook.ts';

/** Whether a library that this process loaded is measured. */
export interface LibraryState {
  name: string;
  version: string;
  measured: boolean;
  /** Reason why the library is not measured. */
  reason: string | undefined;
}

/** Instruments libraries when they are loaded, and lists the loaded libraries. */
export class InstrumentationRegistry {
  readonly #libraries: readonly Library[];
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
    const packages = libraries.filter(({ isBuiltIn }) => !isBuiltIn);
    this.#libraries = packages;
    const loadedFiles = Object.keys(createRequire(import.meta.url).cache ?? {});
    for (const each of packages) this.#findPreloaded(each, loadedFiles);
    const onLoad = guard('the library hook', (exports: unknown, name: string, basedir?: string) =>
      this.#onLoad(exports, name.split(sep).join('/'), basedir),
    );
    new Hook(
      packages.map(({ name }) => name),
      { internals: true },
      (exports, name, basedir) => (onLoad(exports, name, basedir) ?? exports) as typeof exports,
    );
    hookModules(packages, {
      findNames: (library, path) => this.#hooks.get(library.name)?.modules?.[path]?.names,
      onLoad: (library, path, folder, variables) =>
        void this.#patch(library, path, folder, (file) =>
          this.#hooks.get(library.name)?.modules?.[path]?.patch(variables, file),
        ),
    });
  }

  /** The libraries loaded so far. Each installed copy is listed once. */
  get loadedLibraries(): readonly LibraryState[] {
    return [...this.#states.values()];
  }

  #findPreloaded(library: Library, loadedFiles: readonly string[]): void {
    const { name } = library;
    const folder = `${sep}node_modules${sep}${name.split('/').join(sep)}${sep}`;
    const file = loadedFiles.find((path) => path.includes(folder));
    if (!file) return;
    const basedir = file.slice(0, file.lastIndexOf(folder) + folder.length - 1);
    if (library.usesChannels) {
      this.#checkVersion(library, basedir);
      return;
    }
    const reason = 'it was loaded before the agent';
    this.#setState(basedir, { name, measured: false, reason });
  }

  #onLoad(exports: unknown, name: string, basedir: string | undefined): unknown {
    const library = this.#libraries.find(
      (each) => name === each.name || name.startsWith(`${each.name}/`),
    );
    if (!library || basedir === undefined) return undefined;
    const path = name.slice(library.name.length + 1);
    const { patches } = this.#hooks.get(library.name)!;
    const patch = patches?.[path] ?? patches?.[`${path}.js`] ?? patches?.[`${path}.cjs`];
    return this.#patch(library, path, basedir, patch && ((file) => patch(exports, file)));
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

function readPackageVersion(basedir: string): string {
  try {
    const manifest = readFileSync(join(basedir, 'package.json'), 'utf8');
    return String((JSON.parse(manifest) as { version?: unknown }).version ?? 'unknown');
  } catch {
    return 'unknown';
  }
}
