import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { reasonOf } from '../errors.ts';

/** A library that can be measured. */
export interface Library {
  name: string;
  /** Major versions that are known. */
  majors: readonly number[];
  /** Patches the exports of files of the package: '' is its main file, others end in `.js`. */
  files: Readonly<Record<string, (exports: unknown) => void>>;
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
export class Libraries {
  readonly #libraries: readonly Library[];
  readonly #found = new Map<string, LibraryState>();

  /**
   * Hooks `require`. These libraries are CommonJS for everyone: an `import` of an ES module loads the
   * package's first file unseen, which requires what is inside.
   */
  constructor(libraries: readonly Library[]) {
    this.#libraries = libraries;
    const require = createRequire(import.meta.url);
    const cached = Object.keys(require.cache ?? {});
    for (const library of libraries) this.#findEarly(library, cached);
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
  get found(): readonly LibraryState[] {
    return [...this.#found.values()];
  }

  #findEarly(library: Library, cached: readonly string[]): void {
    const folder = `${sep}node_modules${sep}${library.name}${sep}`;
    const file = cached.find((path) => path.includes(folder));
    if (!file) return;
    const basedir = file.slice(0, file.lastIndexOf(folder) + folder.length - 1);
    const reason = 'it was loaded before perfscope/register';
    this.#remember(basedir, { name: library.name, measured: false, reason });
  }

  #onLoad(exports: unknown, name: string, basedir: string | undefined): void {
    const library = this.#libraries.find((l) => name === l.name || name.startsWith(`${l.name}/`));
    if (!library || basedir === undefined) return;
    const state = this.#found.get(basedir) ?? this.#judge(library, basedir);
    const file = name.slice(library.name.length + 1);
    const patch = library.files[file] ?? library.files[`${file}.js`];
    if (state.reason !== undefined || !patch) return;
    try {
      patch(exports);
      state.measured = true;
    } catch (error) {
      state.reason = `it looks different inside (${reasonOf(error)})`;
      state.measured = false;
    }
  }

  #judge(library: Library, basedir: string): LibraryState {
    const { name, majors } = library;
    const state = this.#remember(basedir, { name, measured: false, reason: undefined });
    if (!majors.includes(Number.parseInt(state.version, 10))) {
      state.reason = `only version ${majors.join(' and ')} can be measured`;
    }
    return state;
  }

  #remember(basedir: string, state: Omit<LibraryState, 'version'>): LibraryState {
    const remembered = { ...state, version: versionIn(basedir) };
    this.#found.set(basedir, remembered);
    return remembered;
  }
}

function versionIn(basedir: string): string {
  try {
    const manifest = readFileSync(join(basedir, 'package.json'), 'utf8');
    return String((JSON.parse(manifest) as { version?: unknown }).version ?? 'unknown');
  } catch {
    return 'unknown';
  }
}
