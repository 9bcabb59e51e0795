import { hasHttp2Channels } from '../requests/http2.ts';
import type { LibraryState } from './instrumentation-registry.ts';

/** Dependencies of `pg` and `express`. Users don't know them, so they are not listed. */
const INTERNAL_PACKAGES = new Set(['pg-pool', 'router']);

/**
 * Returns one line that lists the measured libraries, and the reason for each unmeasured library. A
 * library can be loaded later, or only in a worker process or thread.
 */
function formatLibraries(libraries: readonly LibraryState[]): string {
  const shown = libraries.filter(isShown);
  const hint =
    shown.length === 0 ? ['express, pg, and bullmq are not loaded in this process yet'] : [];
  const http = hasHttp2Channels() ? 'HTTP' : 'HTTP/1 (HTTP/2 needs Node.js 22.18, 24.3, or newer)';
  return [
    formatMeasured([http, 'host', 'runtime'], shown),
    ...formatUnmeasured(shown),
    ...hint,
  ].join('; ');
}

/** Reports the libraries that are loaded after they were listed. */
export class LibraryReporter {
  /** Whether each listed library was measured. */
  readonly #listed = new Map<LibraryState, boolean>();

  /** Lists all libraries. */
  list(libraries: readonly LibraryState[]): string {
    for (const library of libraries) this.#listed.set(library, library.measured);
    return formatLibraries(libraries);
  }

  /** Lists the libraries that were loaded or changed since the last call, or returns undefined. */
  listChanges(libraries: readonly LibraryState[]): string | undefined {
    const changed = libraries
      .filter(isShown)
      .filter((library) => this.#listed.get(library) !== library.measured);
    for (const library of changed) this.#listed.set(library, library.measured);
    if (changed.length === 0) return undefined;
    const measured = changed.some((each) => each.measured) ? [formatMeasured([], changed)] : [];
    return [...measured, ...formatUnmeasured(changed)].join('; ');
  }
}

/** Whether users know this library, so that it is listed. */
export function isShown({ name }: LibraryState): boolean {
  return !INTERNAL_PACKAGES.has(name);
}

function formatMeasured(others: readonly string[], libraries: readonly LibraryState[]): string {
  const measured = libraries
    .filter((each) => each.measured)
    .map(
      (each) => `${formatNameAndVersion(each)}${each.through ? ` through ${each.through}` : ''}`,
    );
  return `measuring ${[...others, ...measured].join(', ')}`;
}

function formatUnmeasured(libraries: readonly LibraryState[]): string[] {
  return libraries
    .filter((each) => !each.measured)
    .map(
      (each) => `${formatNameAndVersion(each)} is not measured: ${formatUnmeasuredReason(each)}`,
    );
}

function formatNameAndVersion({ name, version }: LibraryState): string {
  return `${name} ${version}`;
}

export function formatUnmeasuredReason({ reason }: LibraryState): string {
  return reason ?? 'it is only partly loaded';
}
