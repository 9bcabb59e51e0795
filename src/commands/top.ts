import { setTimeout as delay } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { reasonOf } from '../errors.ts';
import type { Store } from '../windows/store.ts';
import { duration, examples } from './options.ts';
import { sayJson } from './output.ts';
import { started, withStore } from './start.ts';
import { SORTS, type Sort, topFigures } from './top-figures.ts';
import { topScreen } from './top-screen.ts';

interface TopOptions {
  interval: number;
  last: number;
  sort: Sort;
  once?: true;
  json?: true;
}

/** The alternate screen keeps what the terminal showed before (xterm's control sequences). */
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const REDRAW = '\x1b[H\x1b[2J';

export function addTop(program: Command): void {
  program
    .command('top')
    .description('watch endpoints, queues and processes in the terminal; Ctrl-C ends it')
    .addOption(
      new Option('--interval <time>', 'time between two looks')
        .argParser(duration)
        .default(2000, '2s'),
    )
    .addOption(
      new Option('--last <time>', 'time that the figures are of')
        .argParser(duration)
        .default(300_000, '5m'),
    )
    .addOption(
      new Option('--sort <figure>', 'which endpoints come first').choices(SORTS).default('rate'),
    )
    .option('--once', 'look once; also where the output is not a terminal')
    .option('--json', 'one line of JSON for each look')
    .addHelpText(
      'after',
      examples(
        'perfscope top',
        'perfscope top --last 1h --sort p95',
        'perfscope top --once --json | jq .endpoints[0]',
      ),
    )
    .action((options: TopOptions) =>
      withStore(started(), (store) => {
        if (options.json) return tellJson(store, options);
        return options.once || !process.stdout.isTTY
          ? showOnce(store, options)
          : watch(store, options);
      }),
    );
}

async function showOnce(store: Store, { last, sort }: TopOptions): Promise<void> {
  const figures = await topFigures(store, last, sort);
  const room = { rows: Number.POSITIVE_INFINITY, columns: process.stdout.columns ?? 1000 };
  process.stdout.write(`${topScreen(figures, { ...room, isColored: isColored() })}\n`);
}

async function tellJson(store: Store, { last, sort, once, interval }: TopOptions): Promise<void> {
  for (;;) {
    sayJson(await topFigures(store, last, sort));
    if (once) return;
    await delay(interval);
  }
}

/** QuestDB may go and come back: what it says is shown instead, and the next look may succeed. */
async function watch(store: Store, { last, sort, interval }: TopOptions): Promise<void> {
  const stop = new AbortController();
  const leave = () => process.stdout.write(LEAVE);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => stop.abort());
  }
  process.once('exit', leave);
  process.stdout.write(ENTER);
  while (!stop.signal.aborted) {
    const { rows, columns } = process.stdout;
    const text = await topFigures(store, last, sort).then(
      (figures) => topScreen(figures, { rows, columns, isColored: isColored() }),
      (error: unknown) => reasonOf(error),
    );
    process.stdout.write(REDRAW + text);
    await delay(interval, undefined, { signal: stop.signal }).catch(() => {});
  }
  process.removeListener('exit', leave);
  leave();
}

/** Node looks at NO_COLOR and the kind of terminal. */
function isColored(): boolean {
  return process.stdout.isTTY === true && process.stdout.hasColors();
}
