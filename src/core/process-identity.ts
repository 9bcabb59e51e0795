import { readFileSync } from 'node:fs';

/** Identifies a process, even if a later process gets the same PID. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in kernel clock ticks. Empty if the operating system does not provide it. */
  readonly started: string;
}

/** Returns whether a value, for example from a file, has the shape of a {@link ProcessIdentity}. */
export function isProcessIdentity(value: unknown): value is ProcessIdentity {
  const { pid, started } = (value ?? {}) as Record<string, unknown>;
  // Signals to the process IDs 0 and below go to several processes.
  return Number.isSafeInteger(pid) && (pid as number) > 0 && typeof started === 'string';
}

/** Identifies no process: its PID is above the maximum PID (proc(5): 2^22). */
export const ENDED_PROCESS: ProcessIdentity = { pid: 2 ** 22 + 1, started: '0' };

export function getProcessIdentity(pid: number): ProcessIdentity {
  return { pid, started: readProcessStartTime(pid) };
}

/** Returns whether the process is still running. */
export function isProcessAlive(identity: ProcessIdentity): boolean {
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    // EPERM means that the process exists but belongs to another user.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const started = readProcessStartTime(identity.pid);
  return started === '' || identity.started === '' || started === identity.started;
}

/** Reads field 22 of /proc/PID/stat (proc(5)). The command name before it can contain spaces. */
function readProcessStartTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended, but its parent has not yet read its exit status.
    return fields[0] === 'Z' ? 'ended' : (fields[19] ?? '');
  } catch {
    return '';
  }
}
