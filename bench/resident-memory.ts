import { readFileSync } from 'node:fs';

/** VmRSS of /proc/PID/status (proc(5)), in MB of 10⁶ bytes; 0 once the process is gone. */
export function readResidentMb(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return (Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024) / 1e6;
  } catch {
    return 0;
  }
}
