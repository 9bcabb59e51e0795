import type { LibraryState } from './instrumentation/libraries.ts';

/** Packages that are only a part of another, which is the one that people know. */
const PARTS = new Set(['pg-pool', 'router']);

/** One line about the libraries that an application has loaded. */
export function librariesSaid(found: readonly LibraryState[]): string {
  const shown = found.filter(({ name }) => !PARTS.has(name));
  const measured = shown.filter((l) => l.measured).map((l) => `${l.name} ${l.version}`);
  const others = shown
    .filter((l) => !l.measured)
    .map((l) => `${l.name} ${l.version} is not measured: ${whyNot(l)}`);
  const all = ['HTTP', 'host', 'runtime', ...measured].join(', ');
  const none =
    shown.length === 0
      ? ['no express, pg or bullmq has been loaded; a bundled application must leave them outside']
      : [];
  return [`measuring ${all}`, ...others, ...none].join('; ');
}

/** Why a library that was loaded is not measured. */
export function whyNot({ reason }: LibraryState): string {
  return reason ?? 'only a part of it has been loaded';
}
