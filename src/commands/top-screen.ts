import { styleText } from 'node:util';
import { tableOf } from './output.ts';
import type { TopFigures } from './top-figures.ts';
import { durationSaid, figureSaid } from './words.ts';

export interface ScreenOptions {
  /** Lines and characters that there is room for; Infinity where it does not matter. */
  readonly rows: number;
  readonly columns: number;
  readonly isColored: boolean;
}

/** Least lines of a section: its titles and a few rows. */
const LEAST = 4;

/** What `top` shows, cut to its room. Queues and hosts get what endpoints leave, and a share at least. */
export function topScreen(figures: TopFigures, options: ScreenOptions): string {
  const { rows, columns, isColored } = options;
  const title = `perfscope top: the last ${durationSaid(figures.windowMs)} until ${figures.at.toISOString().slice(11, 19)} UTC`;
  const sections = [endpoints(figures), queues(figures), hosts(figures)].map((text) =>
    text.trimEnd().split('\n'),
  );
  const room = Math.max(0, rows - 1);
  const rest = sections.slice(1).map((lines) => Math.min(lines.length, Math.max(LEAST, room >> 2)));
  const left = room - rest.reduce((sum, lines) => sum + lines + 1, 0) - 1;
  const heights = [Math.max(LEAST, left), ...rest];
  const lines = [title];
  for (const [i, section] of sections.entries()) {
    const [head = '', ...others] = section.slice(0, heights[i]);
    const cut = head.slice(0, columns);
    lines.push('', isColored ? styleText('bold', cut, { validateStream: false }) : cut);
    lines.push(...others.map((line) => line.slice(0, columns)));
  }
  return lines.slice(0, rows).join('\n');
}

function endpoints({ endpoints: found }: TopFigures): string {
  return tableOf(
    ['endpoint', 'service', 'per s', 'mean ms', 'p95 ms', 'errors %'],
    found.map(({ operation, endpoint, service, rate, average, p95, errorRate }) => [
      `${operation ?? ''} ${endpoint ?? '(no route)'}`.trim(),
      service ?? '',
      ...[rate, average, p95, errorRate].map((value) => figureSaid(value)),
    ]),
  );
}

function queues({ queues: found }: TopFigures): string {
  return tableOf(
    ['queue', 'waiting', 'oldest', 'in per s', 'out per s', 'mean ms', 'failed %'],
    found.map(({ queue, depth, oldestAge, arrivalRate, completionRate, ...rest }) => [
      queue,
      depth ?? '–',
      oldestAge === undefined ? '–' : durationSaid(oldestAge),
      ...[arrivalRate, completionRate, rest.processingTime, rest.failureRate].map((value) =>
        figureSaid(value),
      ),
    ]),
  );
}

function hosts({ hosts: found }: TopFigures): string {
  return tableOf(
    ['process', 'service', 'status', 'CPU %', 'memory %', 'disk %', 'loop p99 ms'],
    found.map(({ instance, service, status, cpuUsage, memoryUsage, diskUsage, ...rest }) => [
      instance,
      service,
      status ?? '–',
      ...[cpuUsage, memoryUsage, diskUsage, rest.eventLoopDelayP99].map((value) =>
        figureSaid(value),
      ),
    ]),
  );
}
