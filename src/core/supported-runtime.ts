/** Oldest supported version of Node.js, as in `engines` of package.json. */
const MIN_MAJOR = 22;
const MIN_MINOR = 14;

/**
 * Returns the name and version of this runtime if it is not supported, for example `Node.js 20.19.0`.
 *
 * @param versions Default: `process.versions`.
 */
export function findUnsupportedRuntime(
  versions: Readonly<Record<string, string | undefined>> = process.versions,
): string | undefined {
  // Both also report a version of Node.js, but instrumentation through `require` has no effect there.
  if (versions.bun !== undefined) return `Bun ${versions.bun}`;
  if (versions.deno !== undefined) return `Deno ${versions.deno}`;
  const [major = 0, minor = 0] = String(versions.node).split('.').map(Number);
  if (major > MIN_MAJOR || (major === MIN_MAJOR && minor >= MIN_MINOR)) return undefined;
  return `Node.js ${versions.node}`;
}

/** The message of PS_RUNTIME_UNSUPPORTED. */
export function formatUnsupportedRuntime({ runtime }: { runtime: string }): string {
  return `${runtime} is not supported, so this process is not measured. Use Node.js ${MIN_MAJOR}.${MIN_MINOR} or newer.`;
}
