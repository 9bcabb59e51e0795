import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { errorMessage } from '../../core/errors.ts';

/** A library that can be measured. */
export interface LibraryInstrumentation {
  name: string;
  /** Major versions that are known. */
  supportedMajors: readonly number[];
  /** Patches the exports of files of the package: '' is its main file, others end in `.js`. */
  patches: Readonly<Record<string, (exports: unknown) => void>>;
}

/** What was found of a library in this process. */
export interface LibraryState {
  name: string;
  version: string;
  measured: boolean;
  /** Why it is not measured. */
  reason: string | undefined;
}

/** Measures libraries while they are being loaded, and knows which it met. */
export class InstrumentationRegistry {
  readonly #instrumentations: readonly LibraryInstrumentation[];
  readonly #states = new Map<string, LibraryState>();

  /**
   * Hooks `require`. These libraries are CommonJS for everyone: an `import` of an ES module loads the
   * package's first file unseen, which requires what is inside.
   */
  constructor(libraries: readonly LibraryInstrumentation[]) {
    this.#instrumentations = libraries;
    const require = createRequire(import.meta.url);
    const cached = Object.keys(require.cache ?? {});
    for (const library of libraries) this.#findPreloaded(library, cached);
    const { Hook } = require('require-in-the-middle') as typeof import('require-in-the-middle');
    const names = libraries.map(({ name }) => name);
    new Hook(names, { internals: true }, (exports, name, basedir) => {
      try {
        this.#onLoad(exports, name.split(sep).join('/'), basedir);
      } catch {
        // It stays as it is; the application must not notice.
      }
      return exports;
    });
  }

  /** What was met until now, each version of each library once. */
  get loadedLibraries(): readonly LibraryState[] {
    return [...this.#states.values()];
  }

  #findPreloaded(library: LibraryInstrumentation, cached: readonly string[]): void {
    const folder = `${sep}node_modules${sep}${library.name}${sep}`;
    const file = cached.find((path) => path.includes(folder));
    if (!file) return;
    const basedir = file.slice(0, file.lastIndexOf(folder) + folder.length - 1);
    const reason = 'it was loaded before perfscope/register';
    this.#setState(basedir, { name: library.name, measured: false, reason });
  }

  #onLoad(exports: unknown, name: string, basedir: string | undefined): void {
    const library = this.#instrumentations.find(
      (l) => name === l.name || name.startsWith(`${l.name}/`),
    );
    if (!library || basedir === undefined) return;
    const state = this.#states.get(basedir) ?? this.#checkVersion(library, basedir);
    const file = name.slice(library.name.length + 1);
    const patch = library.patches[file] ?? library.patches[`${file}.js`];
    if (state.reason !== undefined || !patch) return;
    try {
      patch(exports);
      state.measured = true;
    } catch (error) {
      state.reason = `it looks different inside (${errorMessage(error)})`;
      state.measured = false;
    }
  }

  #checkVersion(library: LibraryInstrumentation, basedir: string): LibraryState {
    const { name, supportedMajors: majors } = library;
    const state = this.#setState(basedir, { name, measured: false, reason: undefined });
    if (!majors.includes(Number.parseInt(state.version, 10))) {
      state.reason = `only version ${majors.join(' and ')} can be measured`;
    }
    return state;
  }

  #setState(basedir: string, state: Omit<LibraryState, 'version'>): LibraryState {
    const remembered = { ...state, version: readPackageVersion(basedir) };
    this.#states.set(basedir, remembered);
    return remembered;
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

/** Packages that are only a part of another, which is the one that people know. */
const INTERNAL_PACKAGES = new Set(['pg-pool', 'router']);

/** One line about the libraries that an application has loaded. */
export function formatLibraries(found: readonly LibraryState[]): string {
  const shown = found.filter(({ name }) => !INTERNAL_PACKAGES.has(name));
  const measured = shown.filter((l) => l.measured).map((l) => `${l.name} ${l.version}`);
  const others = shown
    .filter((l) => !l.measured)
    .map((l) => `${l.name} ${l.version} is not measured: ${formatUnmeasuredReason(l)}`);
  const all = ['HTTP', 'host', 'runtime', ...measured].join(', ');
  const none =
    shown.length === 0
      ? ['no express, pg or bullmq has been loaded; a bundled application must leave them outside']
      : [];
  return [`measuring ${all}`, ...others, ...none].join('; ');
}

/** Why a library that was loaded is not measured. */
export function formatUnmeasuredReason({ reason }: LibraryState): string {
  return reason ?? 'only a part of it has been loaded';
}
