import { readFileSync } from 'node:fs';

/**
 * Returns the resident memory of a process in MB (10⁶ bytes), or 0 if the process has exited. Reads VmRSS
 * from /proc/PID/status, see proc(5).
 */
export function readResidentMb(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return (Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024) / 1e6;
  } catch {
    return 0;
  }
}

/** Length of a tick in `/proc/PID/stat`: 10 ms on every Linux that Node supports. */
const TICK_MS = 10;

/** Returns the CPU time that a process has used, in ms. See proc(5). */
export function readCpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is a name in parentheses, which can contain spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
