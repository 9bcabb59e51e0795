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
