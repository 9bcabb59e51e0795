/** A line with a value. */
interface PrometheusSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface PrometheusFamily {
  readonly type: string;
  readonly samples: PrometheusSample[];
}

// A value can contain any character except a line feed, which is escaped. So `.` must match line terminators.
const METRIC_NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const COMMENT_LINE = new RegExp(`^# (HELP|TYPE|UNIT) (${METRIC_NAME}) (.*)$`, 's');
const SAMPLE_LINE = new RegExp(`^(${METRIC_NAME})(?:\\{(.*)\\})? (NaN|[+-]Inf|[-+.e\\d]+)$`, 's');
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/;
const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];

/**
 * Parses the Prometheus text format more strictly than Prometheus. Each family has one type and
 * contiguous samples. Labels and samples are unique, and histograms are complete.
 *
 * @throws Error if the text is invalid
 */
export function parsePrometheusText(text: string): Map<string, PrometheusFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line has no line feed');
  const families = new Map<string, PrometheusFamily>();
  const seen = new Set<string>();
  let current: [string, PrometheusFamily] | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    if (line.startsWith('#')) {
      const [, kind, name = '', value = ''] = COMMENT_LINE.exec(line) ?? [];
      if (!kind && /^#\s*(HELP|TYPE|UNIT)\b/.test(line)) throw new Error(`invalid line: ${line}`);
      if (kind !== 'TYPE') continue;
      if (families.has(name)) throw new Error(`second type: ${line}`);
      if (!TYPES.includes(value)) throw new Error(`invalid type: ${line}`);
      current = [name, { type: value, samples: [] }];
      families.set(...current);
      continue;
    }
    const sample = parseSample(line);
    if (!current || !getSampleNames(...current).includes(sample.name))
      throw new Error(`sample outside of its family: ${line}`);
    const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
    if (seen.has(key)) throw new Error(`duplicate sample: ${line}`);
    seen.add(key);
    current[1].samples.push(sample);
  }
  checkNames(families);
  for (const [name, family] of families) checkHistogram(name, family);
  return families;
}

function parseSample(line: string): PrometheusSample {
  const [, name, labelText = '', valueText = ''] = SAMPLE_LINE.exec(line) ?? [];
  if (!name) throw new Error(`invalid line: ${line}`);
  const labels: Record<string, string> = Object.create(null) as Record<string, string>;
  let rest = labelText;
  while (rest !== '') {
    const [match, label, value = ''] = LABEL.exec(rest) ?? [];
    if (!match || !label) throw new Error(`invalid labels: ${line}`);
    if (label in labels || label.startsWith('__'))
      throw new Error(`invalid label ${label}: ${line}`);
    labels[label] = value.replace(/\\(.)/g, (_, char) => (char === 'n' ? '\n' : String(char)));
    rest = rest.slice(match.length);
  }
  const value = Number(valueText.replace('Inf', 'Infinity'));
  if (Number.isNaN(value) && valueText !== 'NaN') throw new Error(`invalid value: ${line}`);
  return { name, labels, value };
}

function getSampleNames(name: string, { type }: PrometheusFamily): string[] {
  return type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}

/** A name such as `x_count` belongs to the histogram `x`, so it can't be another family. */
function checkNames(families: ReadonlyMap<string, PrometheusFamily>): void {
  const names = [...families].flatMap(([name, family]) => [
    ...new Set([name, ...getSampleNames(name, family)]),
  ]);
  const duplicate = names.find((name, i) => names.indexOf(name) !== i);
  if (duplicate) throw new Error(`two families with the name ${duplicate}`);
}

function checkHistogram(name: string, { type, samples }: PrometheusFamily): void {
  if (type !== 'histogram') {
    if (samples.some(({ labels }) => 'le' in labels)) throw new Error(`${name} has the label le`);
    return;
  }
  const series = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels));
  for (const [labels, points] of series) {
    const buckets = points.filter((each) => each.name === `${name}_bucket`);
    const counts = buckets.map(({ value }) => value);
    const bounds = buckets.map((each) => Number(each.labels.le?.replace('Inf', 'Infinity')));
    const isAscending = (values: number[]) => values.every((each, i) => !(each < values[i - 1]!));
    const count = points.find((each) => each.name === `${name}_count`)?.value;
    if (!isAscending(counts) || !isAscending(bounds) || new Set(bounds).size !== bounds.length)
      throw new Error(`unsorted buckets of ${name}${labels}`);
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY || counts.at(-1) !== count)
      throw new Error(`incomplete buckets of ${name}${labels}`);
  }
}
