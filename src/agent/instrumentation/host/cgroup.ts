import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Limits of the container of this process, and what the container uses of them. */
export interface CgroupSample {
  /** `undefined` without a limit. */
  readonly cpu: CpuSample | undefined;
  /** Bytes. `undefined` without a limit. */
  readonly memory: MemorySample | undefined;
}

interface CpuSample {
  /** Number of CPUs, such as 0.5. */
  readonly limit: number;
  /** CPU time that the processes in the container have used; `undefined` if it can't be read. */
  readonly usedMs: number | undefined;
}

interface MemorySample {
  readonly limit: number;
  /** Excludes cached files that the kernel can release. */
  readonly used: number;
}

/** The cgroups of this process for one controller. */
interface Hierarchy {
  readonly version: 1 | 2;
  readonly mountPoint: string;
  /** Paths below the mount point, from the cgroup of this process up to the root. */
  readonly paths: readonly string[];
}

/** A mounted hierarchy. Containers often see only a part of it, which starts at `root`. */
interface Mount {
  readonly version: 1 | 2;
  readonly root: string;
  readonly point: string;
  readonly controllers: readonly string[];
}

/**
 * Reads the limits from the cgroups of this process, version 1 and 2
 * (https://docs.kernel.org/admin-guide/cgroup-v2.html). Each ancestor can have its own limit, and the lowest
 * applies. Files that are missing or malformed are ignored.
 *
 * Node.js has `process.availableMemory()`, which counts cached files as used, and
 * `os.availableParallelism()`, which returns whole CPUs, and ignores quotas in older versions.
 *
 * @param root folder that contains `proc` and `sys`. Default: `/`.
 */
export function readCgroup(root = '/'): CgroupSample {
  const hierarchies = findHierarchies(root);
  return { cpu: readCpu(hierarchies), memory: readMemory(hierarchies.get('memory')) };
}

function readCpu(hierarchies: ReadonlyMap<string, Hierarchy>): CpuSample | undefined {
  const cpuset = hierarchies.get('cpuset');
  const cpu = hierarchies.get('cpu');
  const limits = [
    ...mapPaths(cpuset, (folder, path) => ({ limit: readCpusetSize(folder), path })),
    ...mapPaths(cpu, (folder, path) => ({ limit: readCpuQuota(folder), path })),
  ];
  const lowest = findLowest(limits);
  if (!lowest) return undefined;
  return { limit: lowest.limit, usedMs: readCpuTime(hierarchies, lowest.path) };
}

/** In version 2: `QUOTA PERIOD`, or `max PERIOD` without a limit. In version 1: -1 without a limit. */
function readCpuQuota(folder: string): number | undefined {
  const [quota, period] = readText(folder, 'cpu.max')?.trim().split(/\s+/) ?? [
    readText(folder, 'cpu.cfs_quota_us'),
    readText(folder, 'cpu.cfs_period_us'),
  ];
  const limit = Number(quota) / Number(period);
  return Number.isFinite(limit) && limit > 0 ? limit : undefined;
}

/** Counts the CPUs of a list such as `0-3,7`. */
function readCpusetSize(folder: string): number | undefined {
  const text =
    readText(folder, 'cpuset.cpus.effective') ??
    readText(folder, 'cpuset.effective_cpus') ??
    readText(folder, 'cpuset.cpus');
  const size = (text ?? '')
    .trim()
    .split(',')
    .reduce((sum, range) => {
      const [first, last = first] = range.split('-').map(Number);
      return sum + (last! - first! + 1);
    }, 0);
  return text?.trim() && Number.isInteger(size) && size > 0 ? size : undefined;
}

function readCpuTime(
  hierarchies: ReadonlyMap<string, Hierarchy>,
  path: string,
): number | undefined {
  const cpu = hierarchies.get('cpu');
  if (cpu?.version === 2 && cpu.paths.includes(path)) {
    const us = readStat(join(cpu.mountPoint, path), 'cpu.stat', 'usage_usec');
    if (us !== undefined) return us / 1000;
  }
  // Version 1 counts CPU time in its own hierarchy, which can contain other cgroups.
  const accounting = hierarchies.get('cpuacct');
  if (!accounting?.paths.includes(path)) return undefined;
  const ns = toAmount(readText(join(accounting.mountPoint, path), 'cpuacct.usage'));
  return ns === undefined ? undefined : ns / 1e6;
}

function readMemory(hierarchy: Hierarchy | undefined): MemorySample | undefined {
  const limits = mapPaths(hierarchy, (folder, path) => ({
    limit: readMemoryLimit(folder),
    path,
  })).filter(({ path }) => readUsedMemory(hierarchy, path) !== undefined);
  const lowest = findLowest(limits);
  if (!lowest) return undefined;
  return { limit: lowest.limit, used: readUsedMemory(hierarchy, lowest.path) ?? 0 };
}

/** Version 1 also reports the lowest limit of the ancestors, which a container can't see. */
function readMemoryLimit(folder: string): number | undefined {
  const limits = [
    toAmount(readText(folder, 'memory.max')),
    toAmount(readText(folder, 'memory.limit_in_bytes')),
    readStat(folder, 'memory.stat', 'hierarchical_memory_limit'),
  ].filter((limit) => limit !== undefined);
  const limit = Math.min(...limits);
  // Without a limit, version 1 reports the highest number of pages.
  return limit > 0 && limit <= Number.MAX_SAFE_INTEGER ? limit : undefined;
}

function readUsedMemory(hierarchy: Hierarchy | undefined, path: string): number | undefined {
  const folder = join(hierarchy?.mountPoint ?? '', path);
  const current =
    toAmount(readText(folder, 'memory.current')) ??
    toAmount(readText(folder, 'memory.usage_in_bytes'));
  const inactive =
    readStat(folder, 'memory.stat', 'total_inactive_file') ??
    readStat(folder, 'memory.stat', 'inactive_file') ??
    0;
  return current === undefined ? undefined : Math.max(0, current - inactive);
}

interface Limit {
  readonly limit: number | undefined;
  readonly path: string;
}

/** If limits are equal, returns the last one, because the processes of an ancestor share its limit. */
function findLowest(limits: readonly Limit[]): { limit: number; path: string } | undefined {
  let lowest: { limit: number; path: string } | undefined;
  for (const { limit, path } of limits) {
    if (limit !== undefined && (!lowest || limit <= lowest.limit)) lowest = { limit, path };
  }
  return lowest;
}

function mapPaths<T>(
  hierarchy: Hierarchy | undefined,
  map: (folder: string, path: string) => T,
): T[] {
  return (hierarchy?.paths ?? []).map((path) => map(join(hierarchy!.mountPoint, path), path));
}

const CONTROLLERS = ['cpu', 'cpuacct', 'cpuset', 'memory'];

/** Finds the cgroups of this process. A controller is in a hierarchy of version 1, or else of version 2. */
function findHierarchies(root: string): Map<string, Hierarchy> {
  const mounts = readMounts(root);
  const hierarchies = new Map<string, Hierarchy>();
  for (const line of readLines(root, 'proc/self/cgroup')) {
    // A path can contain colons.
    const [, list, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (list === undefined || path === undefined) continue;
    const isUnified = list === '';
    for (const controller of isUnified ? CONTROLLERS : list.split(',')) {
      if (!CONTROLLERS.includes(controller) || (isUnified && hierarchies.has(controller))) continue;
      const mount = findMount(mounts, isUnified ? undefined : controller, path);
      if (mount) hierarchies.set(controller, toHierarchy(mount, path));
    }
  }
  return hierarchies;
}

/** @param controller controller of version 1, or undefined for version 2 */
function findMount(
  mounts: readonly Mount[],
  controller: string | undefined,
  path: string,
): Mount | undefined {
  const candidates = mounts.filter(({ version, controllers }) =>
    controller === undefined ? version === 2 : version === 1 && controllers.includes(controller),
  );
  return candidates.find((mount) => getPathBelow(mount, path) !== undefined) ?? candidates[0];
}

function toHierarchy(mount: Mount, path: string): Hierarchy {
  const names = (getPathBelow(mount, path) ?? '').split('/').filter(Boolean);
  const paths = [...names.keys(), names.length].map((end) => `/${names.slice(0, end).join('/')}`);
  return { version: mount.version, mountPoint: mount.point, paths: paths.reverse() };
}

/**
 * Returns the path of a cgroup below its mount point, or undefined if it isn't there. A path with `..` is
 * outside of the container's namespace.
 */
function getPathBelow({ root }: Mount, path: string): string | undefined {
  if (path.split('/').includes('..')) return undefined;
  if (root === '/') return path;
  return path === root || path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;
}

/** Reads the mounts of cgroups. See proc_pid_mountinfo(5) for the fields. */
function readMounts(root: string): Mount[] {
  const mounts = readLines(root, 'proc/self/mountinfo').flatMap((line): Mount[] => {
    const [fields, [type, , options = ''] = []] = line.split(' - ').map((part) => part.split(' '));
    const [mountRoot, point] = [fields?.[3], fields?.[4]];
    if (!mountRoot || !point || (type !== 'cgroup' && type !== 'cgroup2')) return [];
    const version = type === 'cgroup' ? 1 : 2;
    const controllers = options.split(',');
    return [{ version, root: mountRoot, point: join(root, decodePath(point)), controllers }];
  });
  if (mounts.length > 0) return mounts;
  const point = join(root, 'sys/fs/cgroup');
  return [{ version: 2, root: '/', point, controllers: [] }];
}

/** The kernel encodes spaces and other characters of paths as octal numbers, such as `\040`. */
function decodePath(path: string): string {
  return path.replace(/\\(\d{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/** Reads a value of a file with one key and one number in each line. */
function readStat(folder: string, file: string, key: string): number | undefined {
  const line = readText(folder, file)
    ?.split('\n')
    .find((each) => each.startsWith(`${key} `));
  return toAmount(line?.slice(key.length + 1));
}

/** Returns a number of bytes or a time, or undefined for `max` and malformed text. */
function toAmount(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*\d+\s*$/.test(text) ? Number(text) : undefined;
}

function readLines(folder: string, file: string): string[] {
  return readText(folder, file)?.split('\n') ?? [];
}

function readText(folder: string, file: string): string | undefined {
  try {
    return readFileSync(join(folder, file), 'utf8');
  } catch {
    return undefined;
  }
}
