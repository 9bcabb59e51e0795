import { LIBRARIES } from '../library-table.ts';
import { hasHttp2Channels } from '../requests/http2.ts';
import type { LibraryState } from './instrumentation-registry.ts';

/** Dependencies of other libraries. Users don't know them, so they are not listed. */
const INTERNAL_PACKAGES = new Set(
  LIBRARIES.filter(({ partOf }) => partOf !== undefined).map(({ name }) => name),
);

/**
 * Returns one line that lists the measured libraries, and the reason for each unmeasured library. A
 * library can be loaded later, or only in a worker process or thread.
 */
function formatLibraries(libraries: readonly LibraryState[]): string {
  const shown = libraries.filter(isShown);
  const supported = shown.filter(isSupported);
  const hint = supported.length === 0 ? ['no supported library is loaded in this process yet'] : [];
  const http = hasHttp2Channels() ? 'HTTP' : 'HTTP/1 (HTTP/2 needs Node.js 22.18, 24.3, or newer)';
  return [
    formatMeasured([http, 'host', 'runtime'], shown),
    ...formatUnmeasured(supported),
    ...hint,
    ...formatUnsupported(shown),
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

  /** Returns one line for each library that was loaded or changed since the last call. */
  listChanges(libraries: readonly LibraryState[]): string[] {
    const changed = libraries
      .filter(isShown)
      .filter((library) => this.#listed.get(library) !== library.measured);
    for (const library of changed) this.#listed.set(library, library.measured);
    return changed.flatMap((library) => {
      if (library.measured) return [formatMeasured([], [library])];
      return isSupported(library) ? formatUnmeasured([library]) : formatUnsupported([library]);
    });
  }
}

/** Whether users know this library, so that it is listed. */
export function isShown({ name }: Pick<LibraryState, 'name'>): boolean {
  return !INTERNAL_PACKAGES.has(name);
}

function isSupported(library: LibraryState): boolean {
  return library.isSupported !== false;
}

function formatMeasured(others: readonly string[], libraries: readonly LibraryState[]): string {
  const measured = libraries.filter((each) => each.measured).map(formatNameAndVersion);
  return `measuring ${[...others, ...measured].join(', ')}`;
}

function formatUnmeasured(libraries: readonly LibraryState[]): string[] {
  return libraries
    .filter((each) => !each.measured)
    .map(
      (each) => `${formatNameAndVersion(each)} is not measured: ${formatUnmeasuredReason(each)}`,
    );
}

/** Lists the libraries that the agent doesn't measure yet. */
function formatUnsupported(libraries: readonly LibraryState[]): string[] {
  const names = libraries.filter((each) => !isSupported(each)).map(({ name }) => name);
  return names.length > 0 ? [`not measured yet: ${names.join(', ')}`] : [];
}

/** Returns the name and the version, and the driver of an ORM. */
export function formatNameAndVersion({ name, version, through }: LibraryState): string {
  return through === undefined ? `${name} ${version}` : `${name} ${version} (through ${through})`;
}

/** Returns why a library is not measured. */
export function formatUnmeasuredReason({ reason, isModule }: LibraryState): string {
  return reason ?? (isModule ? 'its ES modules are not measured' : 'it is only partly loaded');
}
