/** One value of a series: a number, `gap` (`_`: nothing new), or `stale` (the series has ended). */
export type Sample = number | 'gap' | 'stale';

const NUMBER = String.raw`[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)`;
const ITEM = new RegExp(`^(?:(${NUMBER})(?:([+-]\\d+(?:\\.\\d+)?)?x(\\d+))?|_(?:x(\\d+))?|stale)$`);
/** More samples than anybody writes a test for. */
const MOST_SAMPLES = 100_000;

/**
 * promtool's expanding notation: `1 2 3`, `0+10x5` (0 10 20 30 40 50), `5x3` (5 5 5 5), `_`, `_x3`,
 * `stale` (https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/).
 *
 * @throws Error that says which part is wrong
 */
export function parseSeries(text: string): Sample[] {
  const samples = text
    .trim()
    .split(/\s+/)
    .filter((item) => item !== '')
    .flatMap(expanded);
  if (samples.length > MOST_SAMPLES) throw tooMany();
  return samples;
}

function expanded(item: string): Sample[] {
  const parts = ITEM.exec(item);
  if (!parts) {
    throw new Error(
      `\`${item}\` is no value; write numbers, \`a+bxn\`, \`axn\`, \`_\`, \`_xn\` or \`stale\``,
    );
  }
  const [, first, step = '0', times = '0', gaps] = parts;
  if (Number(times) > MOST_SAMPLES || Number(gaps ?? 0) > MOST_SAMPLES) throw tooMany();
  if (first !== undefined) {
    const start = Number(first.replace('Inf', 'Infinity'));
    return Array.from(
      { length: Number(times) + 1 },
      (_, i) => start + (i === 0 ? 0 : i * Number(step)),
    );
  }
  return item === 'stale' ? ['stale'] : Array<Sample>(Number(gaps ?? 1)).fill('gap');
}

function tooMany(): Error {
  return new Error(`has more than ${MOST_SAMPLES} values`);
}
