/** Headers in which an agent and a server exchange their versions. */
export const SERVER_VERSION_HEADER = 'perfscope-version';
export const AGENT_VERSION_HEADER = 'perfscope-agent-version';
/** The name of the agent's service, encoded with `encodeURIComponent`. */
export const AGENT_SERVICE_HEADER = 'perfscope-agent-service';

/** The parts of a version that decide compatibility. */
interface ParsedVersion {
  readonly numbers: readonly [number, number, number];
  readonly isPrerelease: boolean;
}

const VERSION_PATTERN =
  /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(-[0-9a-z.-]{1,50})?(?:\+[0-9a-z.-]{1,50})?$/i;

/**
 * Returns whether the newer version satisfies the caret range of the older version, as `semver`
 * defines it. If a version can't be parsed, it is unknown, and the versions count as compatible.
 */
export function areVersionsCompatible(first: string | undefined, second: string): boolean {
  const [a, b] = [parseVersion(first ?? ''), parseVersion(second)];
  if (!a || !b) return true;
  const difference = compareNumbers(a, b);
  if (difference === 0) return true;
  if (getCaretPrefix(a) !== getCaretPrefix(b)) return false;
  // A range contains prereleases only of the version that it names.
  return !(difference > 0 ? a : b).isPrerelease;
}

function parseVersion(text: string): ParsedVersion | undefined {
  const [, major, minor, patch, prerelease] = VERSION_PATTERN.exec(text) ?? [];
  if (major === undefined) return undefined;
  return {
    numbers: [Number(major), Number(minor), Number(patch)],
    isPrerelease: prerelease !== undefined,
  };
}

function compareNumbers({ numbers: a }: ParsedVersion, { numbers: b }: ParsedVersion): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

/** Returns the numbers up to the first that is not 0. A caret range doesn't change these numbers. */
function getCaretPrefix({ numbers }: ParsedVersion): string {
  const index = numbers.findIndex((number) => number > 0);
  return numbers.slice(0, index < 0 ? numbers.length : index + 1).join('.');
}
