import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { Hook } from 'require-in-the-middle';
import { guard } from '../../../core/guard.ts';
import { errorMessage } from '../../../core/perfscope-error.ts';

/** Describes how to instrument a library. */
export interface LibraryInstrumentation {
  name: string;
  /** Supported major versions. */
  supportedMajors: readonly number[];
  /** Functions that patch a file's exports, by path in the package. `''` is the main file. */
  patches: Readonly<Record<string, (exports: unknown) => void>>;
}

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
  readonly #instrumentations: readonly LibraryInstrumentation[];
  readonly #states = new Map<string, LibraryState>();
  /** Called after a library was loaded, or its state changed. Must not throw. */
  onChange: () => void = () => {};

  /**
   * Hooks `require`. The supported libraries are CommonJS packages. If an ES module imports one,
   * the hook misses its main file, but not the internal files that the main file requires.
   */
  constructor(instrumentations: readonly LibraryInstrumentation[]) {
    this.#instrumentations = instrumentations;
    const loadedFiles = Object.keys(createRequire(import.meta.url).cache ?? {});
    for (const each of instrumentations) this.#findPreloaded(each, loadedFiles);
    const names = instrumentations.map(({ name }) => name);
    const onLoad = guard('the library hook', (exports: unknown, name: string, basedir?: string) =>
      this.#onLoad(exports, name.split(sep).join('/'), basedir),
    );
    new Hook(names, { internals: true }, (exports, name, basedir) => {
      onLoad(exports, name, basedir);
      return exports;
    });
  }

  /** The libraries loaded so far. Each installed copy is listed once. */
  get loadedLibraries(): readonly LibraryState[] {
    return [...this.#states.values()];
  }

  #findPreloaded({ name }: LibraryInstrumentation, loadedFiles: readonly string[]): void {
    const folder = `${sep}node_modules${sep}${name}${sep}`;
    const file = loadedFiles.find((path) => path.includes(folder));
    if (!file) return;
    const basedir = file.slice(0, file.lastIndexOf(folder) + folder.length - 1);
    const reason = 'it was loaded before the agent';
    this.#setState(basedir, { name, measured: false, reason });
  }

  #onLoad(exports: unknown, name: string, basedir: string | undefined): void {
    const instrumentation = this.#instrumentations.find(
      (each) => name === each.name || name.startsWith(`${each.name}/`),
    );
    if (!instrumentation || basedir === undefined) return;
    const state = this.#states.get(basedir) ?? this.#checkVersion(instrumentation, basedir);
    const file = name.slice(instrumentation.name.length + 1);
    const patch = instrumentation.patches[file] ?? instrumentation.patches[`${file}.js`];
    if (state.reason !== undefined || !patch) return;
    try {
      patch(exports);
      state.measured = true;
    } catch (error) {
      state.reason = `its internals differ from the supported versions (${errorMessage(error)})`;
      state.measured = false;
    }
    this.onChange();
  }

  #checkVersion(instrumentation: LibraryInstrumentation, basedir: string): LibraryState {
    const { name, supportedMajors } = instrumentation;
    const state = this.#setState(basedir, { name, measured: false, reason: undefined });
    if (!supportedMajors.includes(Number.parseInt(state.version, 10))) {
      state.reason = `only version ${supportedMajors.join(' and ')} is supported`;
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
