/** Files and connections that the agent uses, depending on the configuration. */
export interface RequiredAccess {
  /** Absolute paths. */
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** Whether the agent connects to QuestDB. */
  readonly network: boolean;
}

/** Node.js 25 added this flag. Earlier versions don't restrict the network. */
const NETWORK_FLAG = '--allow-net';

/**
 * Returns the flags that are missing if Node.js runs with `--permission`, for example
 * `--allow-fs-write=/srv/spool`. Returns an empty array without `--permission`.
 */
export function findMissingPermissions({ read, write, network }: RequiredAccess): string[] {
  // Undefined without `--permission`, although the types state otherwise.
  const permission = process.permission as NodeJS.ProcessPermission | undefined;
  if (permission === undefined) return [];
  return [
    ...read
      .filter((path) => !permission.has('fs.read', path))
      .map((path) => `--allow-fs-read=${path}`),
    ...write
      .filter((path) => !permission.has('fs.write', path))
      .map((path) => `--allow-fs-write=${path}`),
    ...(network && !permission.has('net') && process.allowedNodeEnvironmentFlags.has(NETWORK_FLAG)
      ? [NETWORK_FLAG]
      : []),
  ];
}
