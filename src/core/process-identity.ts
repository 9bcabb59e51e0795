import { readFileSync } from 'node:fs';

/** A process, told apart from a later one that was given the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in the kernel's clock ticks; empty where the system does not tell. */
  readonly started: string;
}

export function getProcessIdentity(pid: number): ProcessIdentity {
  return { pid, started: readProcessStartTime(pid) };
}

/** Whether the marked process still runs. */
export function isProcessAlive(mark: ProcessIdentity): boolean {
  try {
    process.kill(mark.pid, 0);
  } catch (error) {
    // EPERM: it exists and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const started = readProcessStartTime(mark.pid);
  return started === '' || mark.started === '' || started === mark.started;
}

/** Field 22 of /proc/PID/stat (proc(5)); the command's name before it may hold spaces. */
function readProcessStartTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended; only its parent has not asked yet.
    return fields[0] === 'Z' ? 'ended' : (fields[19] ?? '');
  } catch {
    return '';
  }
}
