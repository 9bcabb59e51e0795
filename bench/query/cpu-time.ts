import { readFileSync } from 'node:fs';

/** Ticks of `/proc/PID/stat` are of 10 ms on every Linux that Node runs on. */
const TICK_MS = 10;

/** CPU time in ms that a process has used, by proc(5). */
export function readCpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is a name in brackets, which may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
