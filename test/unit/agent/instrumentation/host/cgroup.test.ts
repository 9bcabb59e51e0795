import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCgroup } from '../../../../../src/agent/instrumentation/host/cgroup.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'perfscope-cgroup-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** Writes files below the root. A value of `null` creates a folder, which can't be read as a file. */
function write(files: Record<string, string | null>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name);
    if (content === null) mkdirSync(path, { recursive: true });
    else {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
  }
}

const V2_MOUNT = '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n';
const MIB = 2 ** 20;
const NO_LIMIT = { cpu: undefined, memory: undefined };

function writeGroup(folder: string, files: Record<string, string | null>): void {
  write(
    Object.fromEntries(Object.entries(files).map(([k, v]) => [`sys/fs/cgroup/${folder}${k}`, v])),
  );
}

describe('version 2', () => {
  const start = (path = '/', mounts = V2_MOUNT) =>
    write({
      'proc/self/cgroup': `0::${path}\n`,
      'proc/self/mountinfo': `1 0 8:1 / / rw - ext4 x rw\n${mounts}`,
    });

  it('reads the limits and the usage, without cached files', () => {
    start();
    writeGroup('', {
      'cpu.max': '150000 100000\n',
      'cpu.stat': 'usage_usec 2500000\nuser_usec 1\n',
      'memory.max': `${512 * MIB}\n`,
      'memory.current': `${300 * MIB}\n`,
      'memory.stat': `anon 1\ninactive_file ${100 * MIB}\nactive_file 2\n`,
    });
    expect(readCgroup(root)).toEqual({
      cpu: { limit: 1.5, usedMs: 2500 },
      memory: { limit: 512 * MIB, used: 200 * MIB },
    });
  });

  it('uses the lowest limit of the ancestors, and the usage of the group that has this limit', () => {
    start('/kubepods/pod1/container');
    writeGroup('kubepods/pod1/container/', {
      'cpu.max': '400000 100000',
      'cpu.stat': 'usage_usec 1000\n',
      'memory.max': 'max',
      'memory.current': '10',
    });
    writeGroup('kubepods/pod1/', {
      'cpu.max': '50000 100000',
      'cpu.stat': 'usage_usec 3000\n',
      'memory.max': '1000',
      'memory.current': '30',
    });
    writeGroup('kubepods/', {
      'cpu.max': 'max 100000',
      'memory.max': '5000',
      'memory.current': '99',
    });
    expect(readCgroup(root)).toEqual({
      cpu: { limit: 0.5, usedMs: 3 },
      memory: { limit: 1000, used: 30 },
    });
  });

  it.each([
    ['in the file system of a container', '/docker/abc', V2_MOUNT],
    ['if only a part is mounted', '/docker/abc', V2_MOUNT.replace(' / /sys', ' /docker/abc /sys')],
    ['outside of the namespace', '/../other', V2_MOUNT],
    ['if the mounts are unknown', '/', ''],
  ])('finds the limits %s', (_title, path, mounts) => {
    start(path, mounts);
    writeGroup('', { 'memory.max': '1000', 'memory.current': '30' });
    expect(readCgroup(root).memory).toEqual({ limit: 1000, used: 30 });
  });

  it.each([
    ['0-1\n', 2],
    ['0,2-3,7', 4],
  ])('counts the CPUs of the set %j', (cpus, limit) => {
    start('/a');
    writeGroup('a/', { 'cpuset.cpus.effective': cpus, 'cpu.stat': 'usage_usec 7000\n' });
    writeGroup('', { 'cpuset.cpus.effective': '0-15' });
    expect(readCgroup(root).cpu).toEqual({ limit, usedMs: 7 });
  });

  it.each([
    ['max', { 'cpu.max': 'max 100000', 'memory.max': 'max', 'memory.current': '10' }],
    [
      'malformed',
      {
        'cpu.max': 'many few',
        'memory.max': '-5',
        'memory.current': 'x',
        'cpuset.cpus.effective': 'a-b',
      },
    ],
    [
      'empty',
      { 'cpu.max': '', 'memory.max': '', 'memory.current': '', 'cpuset.cpus.effective': '' },
    ],
    ['zero', { 'cpu.max': '0 0', 'memory.max': '0', 'memory.current': '1' }],
    ['unreadable', { 'cpu.max': null, 'memory.max': null, 'memory.current': null }],
    ['without a usage', { 'memory.max': '1000', 'memory.current': null }],
    ['missing', {}],
  ])('ignores values that are %s', (_title, files) => {
    start();
    writeGroup('', files as Record<string, string | null>);
    expect(readCgroup(root)).toEqual(NO_LIMIT);
  });
});

describe('version 1', () => {
  const UNLIMITED = '9223372036854771712';
  const mount = (controllers: string, mountRoot = '/') =>
    `31 23 0:27 ${mountRoot} /sys/fs/cgroup/${controllers} rw - cgroup cgroup rw,${controllers}\n`;

  it('reads the limits of each controller in a container', () => {
    write({
      'proc/self/cgroup':
        '5:cpuset:/docker/abc\n4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/x\n',
      'proc/self/mountinfo': ['cpu,cpuacct', 'memory', 'cpuset']
        .map((name) => mount(name, '/docker/abc'))
        .join(''),
    });
    writeGroup('cpu,cpuacct/', {
      'cpu.cfs_quota_us': '250000\n',
      'cpu.cfs_period_us': '100000\n',
      'cpuacct.usage': '2000000000\n',
    });
    writeGroup('cpuset/', { 'cpuset.cpus': '0-7\n' });
    writeGroup('memory/', {
      'memory.limit_in_bytes': `${64 * MIB}\n`,
      'memory.usage_in_bytes': `${60 * MIB}\n`,
      'memory.stat': `inactive_file 5\ntotal_inactive_file ${20 * MIB}\nhierarchical_memory_limit ${UNLIMITED}\n`,
    });
    expect(readCgroup(root)).toEqual({
      cpu: { limit: 2.5, usedMs: 2000 },
      memory: { limit: 64 * MIB, used: 40 * MIB },
    });
  });

  it('uses the limits of ancestors, also if the container cannot see them', () => {
    write({
      'proc/self/cgroup': '4:memory:/a/b\n3:cpuacct,cpu:/a/b\n',
      'proc/self/mountinfo': mount('cpu,cpuacct') + mount('memory'),
    });
    writeGroup('cpu,cpuacct/a/b/', {
      'cpu.cfs_quota_us': '-1',
      'cpu.cfs_period_us': '100000',
      'cpuacct.usage': '1000000',
    });
    writeGroup('cpu,cpuacct/a/', {
      'cpu.cfs_quota_us': '20000',
      'cpu.cfs_period_us': '100000',
      'cpuacct.usage': '9000000',
    });
    writeGroup('memory/a/b/', {
      'memory.limit_in_bytes': UNLIMITED,
      'memory.usage_in_bytes': '700',
      'memory.stat': 'hierarchical_memory_limit 1000\ntotal_inactive_file 100\n',
    });
    expect(readCgroup(root)).toEqual({
      cpu: { limit: 0.2, usedMs: 9 },
      memory: { limit: 1000, used: 600 },
    });
  });

  it('returns no CPU time if it is counted for another group', () => {
    write({
      'proc/self/cgroup': '2:cpuacct:/\n1:cpu:/a\n',
      'proc/self/mountinfo': mount('cpu') + mount('cpuacct'),
    });
    writeGroup('cpu/a/', { 'cpu.cfs_quota_us': '50000', 'cpu.cfs_period_us': '100000' });
    writeGroup('cpuacct/', { 'cpuacct.usage': '5000000' });
    expect(readCgroup(root).cpu).toEqual({ limit: 0.5, usedMs: undefined });
  });

  it('has no limits by default', () => {
    write({
      'proc/self/cgroup': '4:memory:/\n1:cpu:/\n',
      'proc/self/mountinfo': mount('cpu') + mount('memory'),
    });
    writeGroup('cpu/', { 'cpu.cfs_quota_us': '-1', 'cpu.cfs_period_us': '100000' });
    writeGroup('memory/', { 'memory.limit_in_bytes': UNLIMITED, 'memory.usage_in_bytes': '1' });
    expect(readCgroup(root)).toEqual(NO_LIMIT);
  });

  it('combines controllers of version 1 with version 2', () => {
    write({
      'proc/self/cgroup': '4:memory:/m\n0::/u\n',
      'proc/self/mountinfo':
        mount('memory') + V2_MOUNT.replace('/sys/fs/cgroup', '/sys/fs/cgroup/uni\\040fied'),
    });
    writeGroup('memory/m/', { 'memory.limit_in_bytes': '1000', 'memory.usage_in_bytes': '10' });
    writeGroup('uni fied/u/', {
      'cpu.max': '10000 100000',
      'cpu.stat': 'usage_usec 5000',
      'memory.max': '7',
    });
    expect(readCgroup(root)).toEqual({
      cpu: { limit: 0.1, usedMs: 5 },
      memory: { limit: 1000, used: 10 },
    });
  });
});

it('returns no limits on systems without cgroups', () => {
  expect(readCgroup(root)).toEqual(NO_LIMIT);
  expect(() => readCgroup()).not.toThrow();
});
