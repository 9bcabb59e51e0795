import { ErrorTracker } from '../src/agent/error-tracking/error-tracker.ts';
import { redact } from '../src/core/redact.ts';
import { HOSTILE_FRAGMENTS } from '../test/support/hostile-text.ts';
import { atMost, type BenchOptions, median, type Report, roundToFourDigits } from './report.ts';

/** Number of characters that the patterns see: the maximum length and the overlap. */
const TEXT_LENGTH = 4608;
/** Length of a message that a client can send in a URL. */
const MESSAGE_LENGTH = 14_000;
const ORDINARY_LINE =
  'Error: connect ECONNREFUSED 10.0.0.5:5432 while reading rooms for guest ann@example.org; attempt 3 of 5 failed with status 503. ';
const CALLS_PER_ROUND = 20;

/**
 * Measures the CPU time of redacting error messages: hostile text, which repeats the start of a
 * pattern, and an ordinary message of the same length.
 */
export async function benchScrub({ quick, log }: BenchOptions): Promise<Report> {
  const rounds = quick ? 7 : 30;
  const ordinaryText = repeat(ORDINARY_LINE, TEXT_LENGTH);
  const texts = HOSTILE_FRAGMENTS.map((fragment) => repeat(fragment, TEXT_LENGTH));
  const ordinaryMs: number[] = [];
  const hostileMs = texts.map((): number[] => []);
  const errorMs = texts.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    ordinaryMs.push(measureCpuMs(() => redact(ordinaryText, TEXT_LENGTH)));
    for (const [i, text] of texts.entries()) {
      hostileMs[i]!.push(measureCpuMs(() => redact(text, TEXT_LENGTH)));
      errorMs[i]!.push(measureErrorMs(HOSTILE_FRAGMENTS[i]!));
    }
    if (round % 10 === 0) log(`round ${round} of ${rounds}`);
  }
  const ordinary = median(ordinaryMs);
  const medians = hostileMs.map(median);
  const slowest = Math.max(...medians);
  return {
    targets: [
      atMost('CPU time of the slowest hostile text', slowest, 2, 'ms'),
      atMost('slowest hostile text relative to ordinary text', slowest / ordinary, 5, ''),
      atMost(
        'CPU time to record the slowest error with hostile text',
        Math.max(...errorMs.map(median)),
        5,
        'ms',
      ),
    ],
    details: {
      hostileTexts: texts.length,
      charactersPerText: TEXT_LENGTH,
      slowestText: JSON.stringify(HOSTILE_FRAGMENTS[medians.indexOf(slowest)]),
      ordinaryTextMs: roundToFourDigits(ordinary),
      medianHostileTextMs: roundToFourDigits(median(medians)),
    },
  };
}

/** Measures an error of a request: its fingerprint, its message, and its stack. */
function measureErrorMs(fragment: string): number {
  const rows: object[] = [];
  const resource = { service: 'bench', instance: 'bench-1' };
  const tracker = new ErrorTracker({ resource, add: (_table, added) => void rows.push(...added) });
  const message = repeat(fragment, MESSAGE_LENGTH);
  const { stack } = new Error(message);
  const ms = measureCpuMs((i) => {
    // Every message is different, so the tracker stores each error.
    const error = { type: `Error${i}`, message, stack };
    tracker.track({ kind: 'request', level: 'error', error });
  });
  if (rows.length !== CALLS_PER_ROUND) throw new Error(`${rows.length} errors were recorded`);
  return ms;
}

/** Returns the CPU time of one call, in ms. */
function measureCpuMs(call: (i: number) => void): number {
  const before = process.cpuUsage();
  for (let i = 0; i < CALLS_PER_ROUND; i++) call(i);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / CALLS_PER_ROUND;
}

function repeat(fragment: string, length: number): string {
  return fragment.repeat(Math.ceil(length / fragment.length)).slice(0, length);
}
