import type { LibraryState } from '../instrumentation/loading/instrumentation-registry.ts';
import { formatUnmeasuredReason, isShown } from '../instrumentation/loading/library-states.ts';
import type { DeclaredLibrary } from './declared-libraries.ts';

/** Whether a library that is present in a process is measured there. */
export interface LibraryCoverage {
  readonly name: string;
  /** Empty if the version is unknown. */
  readonly version: string;
  readonly measured: boolean;
  /** Why the library is not measured. Undefined for measured libraries. */
  readonly reason: string | undefined;
}

/** Why a library in `package.json` is not measured. It is either unused in this process, or part of a bundle. */
const NOT_LOADED = 'it is in package.json, but not loaded from node_modules';
export const NEEDS_MODULE_HOOKS =
  'it is an ES module, which needs Node.js 22.23, 24.11.1, or newer';

/**
 * Returns the coverage of each library and version once, without libraries that are still being loaded.
 *
 * @param unhooked see `InstrumentationRegistry.unhookedLibraries`
 * @param declared libraries in `package.json`. Undefined while the application can still load them.
 */
export function listCoverage(
  loaded: readonly LibraryState[],
  unhooked: readonly string[],
  declared: readonly DeclaredLibrary[] | undefined,
): LibraryCoverage[] {
  const coverage = new Map<string, LibraryCoverage>();
  for (const state of loaded.filter(isShown)) {
    const { name, version, measured } = state;
    const isLoading = !measured && state.reason === undefined && declared === undefined;
    const key = `${name} ${version}`;
    // One of several copies can be measured.
    if (isLoading || coverage.get(key)?.measured === true) continue;
    const reason = measured ? undefined : formatUnmeasuredReason(state);
    coverage.set(key, { name, version, measured, reason });
  }
  for (const { name, version = '' } of declared ?? []) {
    if (loaded.some((state) => state.name === name)) continue;
    const reason = unhooked.includes(name) ? NEEDS_MODULE_HOOKS : NOT_LOADED;
    coverage.set(`${name} ${version}`, { name, version, measured: false, reason });
  }
  return [...coverage.values()];
}
