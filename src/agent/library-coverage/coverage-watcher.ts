import { COVERAGE_INTERVAL_MS } from '../../core/coverage-metric.ts';
import { guard } from '../../core/guard.ts';
import { startInterval, startTimeout } from '../../core/guarded-timers.ts';
import type { Logger } from '../../core/log.ts';
import { createIdGenerator } from '../../core/schema/row-ids.ts';
import type { ServiceResource } from '../../core/schema/table-definition.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { LibraryState } from '../instrumentation/loading/instrumentation-registry.ts';
import { LibraryReporter } from '../instrumentation/loading/library-states.ts';
import { toCoverageRows } from './coverage-rows.ts';
import { type DeclaredLibrary, findDeclaredLibraries } from './declared-libraries.ts';
import { listCoverage } from './library-coverage.ts';

/** What fails, for {@link guard}. */
const PART = 'the list of libraries';
/** Time for the application to load its libraries before they are listed. */
const LIST_DELAY_MS = 1000;
/** Time after which the application has probably loaded all libraries. */
const WATCH_MS = 10 * 60_000;

/** The agent, as far as the watcher needs it. */
interface WatchedAgent {
  readonly loadedLibraries: readonly LibraryState[];
  readonly unhookedLibraries: readonly string[];
  watchLibraries(onChange: () => void): void;
}

export interface CoverageWatcherOptions {
  readonly agent: WatchedAgent;
  readonly resource: ServiceResource;
  readonly add: AddRows;
  /** Folder of the application. Undefined if it is unknown. */
  readonly folder: string | undefined;
  /** Whether this process lists its libraries in the log. */
  readonly isLogging: boolean;
  readonly log: Logger;
  /** Called after the libraries were listed for the first time. */
  readonly onListed: () => void;
}

/**
 * Lists the libraries in the log one second after the start. Later, logs one line for each library that is loaded in
 * the first ten minutes. Also writes the rows of `COVERAGE_METRIC`.
 */
export class CoverageWatcher {
  readonly #options: CoverageWatcherOptions;
  readonly #reporter = new LibraryReporter();
  readonly #nextId = createIdGenerator();
  #isWaiting = false;
  #isComplete = false;
  /** Libraries in `package.json`, after the application has had time to load them. */
  #declared: readonly DeclaredLibrary[] | undefined;
  /** The last coverage that was written, as JSON. */
  #written = '';

  constructor(options: CoverageWatcherOptions) {
    this.#options = options;
  }

  /** Starts watching. Its timers don't keep the process alive. */
  start(): void {
    startTimeout(PART, () => this.#listAll(), LIST_DELAY_MS);
    startTimeout(PART, () => this.#complete(), WATCH_MS);
    startInterval(PART, () => void this.#writeRows(), COVERAGE_INTERVAL_MS);
  }

  #listAll(): void {
    const { agent, log, isLogging, onListed } = this.#options;
    const text = this.#reporter.list(agent.loadedLibraries);
    if (isLogging) log.info(text);
    onListed();
    this.writeChanges();
    // A library consists of several files, which are loaded one after another.
    agent.watchLibraries(
      guard(PART, () => {
        if (!this.#isWaiting) startTimeout(PART, () => this.#listChanges(), LIST_DELAY_MS);
        this.#isWaiting = true;
      }),
    );
  }

  #listChanges(): void {
    const { agent, log, isLogging } = this.#options;
    this.#isWaiting = false;
    const lines = this.#reporter.listChanges(agent.loadedLibraries);
    if (isLogging && !this.#isComplete) for (const line of lines) log.info(line);
    this.writeChanges();
  }

  #complete(): void {
    const { folder } = this.#options;
    this.#declared = folder === undefined ? [] : findDeclaredLibraries(folder);
    this.#listChanges();
    this.#isComplete = true;
  }

  /**
   * Writes rows if the coverage changed since the last rows, and logs nothing. Also called when the process ends, because
   * a script can end before its libraries are listed.
   *
   * @returns whether rows were written
   */
  writeChanges(): boolean {
    return this.#written !== JSON.stringify(this.#listCoverage()) && this.#writeRows();
  }

  /** Returns whether there were rows to write. */
  #writeRows(): boolean {
    const { resource, add } = this.#options;
    const coverage = this.#listCoverage();
    this.#written = JSON.stringify(coverage);
    if (coverage.length === 0) return false;
    add('performance_metrics', toCoverageRows(coverage, resource, this.#nextId, Date.now()));
    return true;
  }

  #listCoverage() {
    const { agent } = this.#options;
    return listCoverage(agent.loadedLibraries, agent.unhookedLibraries, this.#declared);
  }
}
