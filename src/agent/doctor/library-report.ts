import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LibraryState } from '../instrumentation/loading/instrumentation-registry.ts';

/** Report of one process or thread of the application. */
export interface LibraryReport {
  readonly pid: number;
  /** 0 for the main thread. */
  readonly threadId: number;
  readonly libraries: readonly LibraryState[];
  /** See `InstrumentationRegistry.unhookedLibraries`. */
  readonly unhookedLibraries: readonly string[];
  /** Whether the process has had time to load its libraries. */
  readonly isStarted: boolean;
  /** The last port that the application could not use, because another process uses it. */
  readonly usedPort?: number | undefined;
}

/** Name of the global that contains the folder for the reports. Not a variable, which the application would see. */
export const REPORT_FOLDER_KEY = 'perfscope.doctor.folder';

/** A folder in which the processes and threads of an application write reports. */
export class LibraryReportFolder {
  readonly #folder = mkdtempSync(join(tmpdir(), 'perfscope-doctor-'));

  /**
   * Creates a module that loads `preload` and passes it this folder. Child processes and threads inherit
   * the flag that loads the module.
   *
   * @returns the path of the module
   */
  createPreload(preload: string): string {
    const path = join(this.#folder, 'preload.cjs');
    const define = `Object.defineProperty(globalThis, Symbol.for(${JSON.stringify(REPORT_FOLDER_KEY)}), { value: ${JSON.stringify(this.#folder)} });`;
    writeFileSync(path, `${define}\nrequire(${JSON.stringify(preload)});\n`);
    return path;
  }

  /** Returns the latest report of each process and thread. */
  read(): LibraryReport[] {
    return readdirSync(this.#folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => JSON.parse(readFileSync(join(this.#folder, name), 'utf8')) as LibraryReport);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Replaces the report of a process or thread. */
export function writeLibraryReport(folder: string, report: LibraryReport): void {
  const path = join(folder, `${report.pid}-${report.threadId}`);
  writeFileSync(`${path}.new`, JSON.stringify(report));
  renameSync(`${path}.new`, `${path}.json`);
}
