import { LIBRARIES } from '../instrumentation/library-table.ts';
import type { LibraryState } from '../instrumentation/loading/instrumentation-registry.ts';
import {
  formatNameAndVersion,
  formatUnmeasuredReason,
  isShown,
} from '../instrumentation/loading/library-states.ts';
import type { DeclaredLibrary } from '../library-coverage/declared-libraries.ts';
import { NEEDS_MODULE_HOOKS } from '../library-coverage/library-coverage.ts';
import type { LibraryReport } from './library-report.ts';

/** What `doctor` found out about an application. */
export interface ExaminedApplication {
  readonly main: LibraryReport;
  /** Reports of the other processes and threads. */
  readonly others: readonly LibraryReport[];
  /** Libraries in `package.json`. */
  readonly declared: readonly DeclaredLibrary[];
  /** Names of the libraries that are part of the script. */
  readonly bundled: readonly string[];
  /** Time, in ms, that `doctor` waited for the libraries. Undefined if the application ended. */
  readonly timeoutMs: number | undefined;
}

/**
 * Returns the lines about the libraries of an application. A line that starts with `✗` describes a library that is
 * used, but not measured.
 */
export function formatCoverage(application: ExaminedApplication): string[] {
  const { main, others, declared, timeoutMs } = application;
  const reports = [main, ...others];
  const states = reports.flatMap(({ libraries }) => libraries).filter(isShown);
  const measuredInBuild = findLibrariesInBuild(states);
  const bundled = application.bundled.filter((name) => !measuredInBuild.includes(name));
  const lines = [
    ...formatLibraryLines(main, others),
    ...bundled.map(formatBundledLine),
    ...formatUnhookedLines(declared, main.unhookedLibraries),
  ];
  const isKnown = (name: string) =>
    states.some((state) => state.name === name) ||
    bundled.includes(name) ||
    main.unhookedLibraries.includes(name);
  const unused = declared.filter(({ name }) => !isKnown(name)).map(({ name }) => name);
  return [
    ...(lines.length > 0 ? lines : formatMissingLines(timeoutMs)),
    ...formatList('Not measured yet', states.filter(isUnsupported).map(formatNameAndVersion)),
    ...formatList('In package.json, but not loaded', unused),
  ];
}

/** Returns the names of the libraries that are measured in the build of an application. */
function findLibrariesInBuild(states: readonly LibraryState[]): string[] {
  return LIBRARIES.filter(({ name }) =>
    states.some((state) => state.measured && state.name === name),
  ).flatMap(({ bundledLibraries = [] }) => bundledLibraries);
}

/** Lists each version of each library once, first the libraries of the main thread. */
function formatLibraryLines(main: LibraryReport, others: readonly LibraryReport[]): string[] {
  const lines = new Map<string, string>();
  for (const report of [main, ...others]) {
    for (const library of report.libraries.filter(isShown)) {
      if (isUnsupported(library)) continue;
      const { measured } = library;
      const place = report === main ? '' : ' (in a worker process or thread)';
      const reason = measured ? '' : `: ${formatReason(library)}`;
      const key = `${measured ? '✓' : '✗'} ${formatNameAndVersion(library)}`;
      if (!lines.has(key)) lines.set(key, `${key}${place}${reason}`);
    }
  }
  return [...lines.values()];
}

/** Returns why a library is not measured, and what to do. */
function formatReason(library: LibraryState): string {
  const reason = formatUnmeasuredReason(library);
  const advice = findAdvice(library, reason);
  return advice === undefined ? reason : `${reason}. ${advice}`;
}

/** What to do, by the start of the reason why a library is not measured. */
const ADVICE: readonly (readonly [reason: string, advice: string])[] = [
  ['it was loaded before', "Move the agent's flag before all other --require and --import flags."],
  ['its internals differ', 'Report a bug with this version.'],
  ['its ES modules', 'Load it with require().'],
];

/** Returns the next step to measure a library, or undefined if the reason contains it. */
function findAdvice({ name, version }: LibraryState, reason: string): string | undefined {
  if (reason.startsWith('only version')) {
    const newest = LIBRARIES.find((each) => each.name === name)?.versions.to ?? 0;
    const isTooNew = Number.parseInt(version, 10) > newest;
    return isTooNew ? 'Update the agent, or install an older version.' : 'Install a newer version.';
  }
  return ADVICE.find(([start]) => reason.startsWith(start))?.[1];
}

function isUnsupported({ isSupported }: LibraryState): boolean {
  return isSupported === false;
}

function formatBundledLine(name: string): string {
  return `✗ ${name} is bundled into the script. To measure it, exclude it from the bundle (esbuild: perfscopePlugin or --external:${name}, Next.js: serverExternalPackages)`;
}

/** Lists the installed libraries that this version of Node.js loads without the agent noticing it. */
function formatUnhookedLines(
  declared: readonly DeclaredLibrary[],
  unhooked: readonly string[],
): string[] {
  return declared
    .filter(({ name, version }) => version !== undefined && unhooked.includes(name))
    .map(({ name, version }) => `✗ ${name} ${version}: ${NEEDS_MODULE_HOOKS}`);
}

function formatMissingLines(timeoutMs: number | undefined): string[] {
  const period = timeoutMs === undefined ? '' : ` within ${timeoutMs / 1000} s`;
  const advice = timeoutMs === undefined ? '' : ' If it loads them later, set a longer --timeout.';
  return [
    `The application did not load a library that Perfscope measures${period}.${advice}`,
    'HTTP, host, and runtime metrics do not need a library.',
  ];
}

function formatList(title: string, names: readonly string[]): string[] {
  return names.length > 0 ? [`${title}: ${[...new Set(names)].join(', ')}.`] : [];
}
