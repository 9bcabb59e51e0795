import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readCpuMs, readResidentMb } from '../process-usage.ts';
import type { SenderOptions, SenderResult } from './sender.ts';

const SENDER = join(import.meta.dirname, 'sender.ts');
const SAMPLE_INTERVAL_MS = 500;

/** What a receiver used while it received points. */
export interface Usage {
  /** In µs per point. */
  cpuPerPoint: number;
  /** Share of one core. */
  cpuShare: number;
  peakMb: number;
}

export interface Delivery extends SenderResult {
  /** Usage by name of the process. */
  usage: Record<string, Usage>;
}

/**
 * Sends points in a separate process, and measures other processes at the same time.
 *
 * @param pids processes by name
 * @param untilStored resolves when the points are stored. Default: the measurement ends with the last response.
 * @throws Error if the receiver rejects points or responds with an error
 */
export async function runSender(
  options: SenderOptions,
  pids: Readonly<Record<string, number>>,
  untilStored: () => Promise<void> = async () => {},
): Promise<Delivery> {
  const names = Object.keys(pids);
  const cpuMs = names.map((name) => readCpuMs(pids[name]!));
  const peaks = new Map(names.map((name) => [name, 0]));
  const sample = () => {
    for (const name of names) {
      peaks.set(name, Math.max(peaks.get(name)!, readResidentMb(pids[name]!)));
    }
  };
  const timer = setInterval(sample, SAMPLE_INTERVAL_MS);
  const startMs = performance.now();
  try {
    const args = [SENDER, JSON.stringify(options)];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const result = JSON.parse(stdout) as SenderResult;
    if (result.warnings.length > 0) throw new Error(result.warnings.join('\n'));
    await untilStored();
    sample();
    const totalMs = performance.now() - startMs;
    const usage = names.map((name, index): [string, Usage] => {
      const usedMs = readCpuMs(pids[name]!) - cpuMs[index]!;
      const peakMb = peaks.get(name)!;
      return [
        name,
        { cpuPerPoint: (usedMs * 1000) / result.points, cpuShare: usedMs / totalMs, peakMb },
      ];
    });
    return { ...result, seconds: totalMs / 1000, usage: Object.fromEntries(usage) };
  } finally {
    clearInterval(timer);
  }
}
