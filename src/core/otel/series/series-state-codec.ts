import type {
  BucketRange,
  ExponentialHistogramValues,
  HistogramValues,
} from './cumulative-values.ts';
import { GROUP_KINDS, type GroupKind, type SeriesGroup } from './series-groups.ts';
import type { SeriesState, SeriesStateOf, SeriesValues } from './series-state.ts';
import type { SpanRow } from './span-row-memory.ts';
import type { StateReader, StateWriter } from './state-bytes.ts';

/** The numbers of the kinds in the data. Never change them. */
const KINDS: readonly (keyof SeriesValues)[] = [
  'number',
  'histogram',
  'exponentialHistogram',
  'summary',
  'delta',
];
const KIND_CODES = Object.fromEntries(KINDS.map((kind, code) => [kind, code])) as Readonly<
  Record<keyof SeriesValues, number>
>;
const KIND_MASK = 0x0f;
const FACT_CODE = 0x0f;
const SPAN_ROW_CODE = 0x0e;
/** The kind of the group is in the other bits. */
const GROUP_CODE = 0x0d;
const GROUP_KIND_FACTOR = 0x10;
const HAS_DELTA = 0x10;
const HAS_PREVIOUS = 0x20;

const HAS_SUM = 1;
const HAS_MIN = 2;
const HAS_MAX = 4;
const HAS_SAME_BOUNDS = 8;

/** A fact that was observed at a time, in seconds since the epoch. */
export interface Fact {
  readonly kind: 'fact';
  readonly text: string;
  readonly seconds: number;
}

export function encodeFact(writer: StateWriter, text: string, seconds: number): void {
  writer.addByte(FACT_CODE);
  writer.addText(text);
  writer.addUint32(seconds);
}

export function encodeSpanRow(writer: StateWriter, row: SpanRow): void {
  writer.addByte(SPAN_ROW_CODE);
  writer.addText(row.fact);
  writer.addUint32(row.seconds);
  writer.addDouble(row.timestamp);
  writer.addText(row.id);
  writer.addCount(row.bucketUppers.length);
  for (const upper of row.bucketUppers) writer.addDouble(upper);
}

function decodeSpanRow(reader: StateReader, fact: string): SpanRow {
  return {
    kind: 'spanRow',
    fact,
    seconds: reader.readUint32(),
    timestamp: reader.readDouble(),
    id: reader.readText(),
    bucketUppers: Array.from({ length: reader.readLength() }, () => reader.readDouble()),
  };
}

/** The group of the states after it. */
export interface GroupEntry {
  readonly kind: 'group';
  readonly groupKind: GroupKind;
  readonly organization: string;
  readonly service: string;
  readonly forgottenStartMs: number;
}

export function encodeGroup(writer: StateWriter, group: SeriesGroup): void {
  writer.addByte(GROUP_CODE + GROUP_KINDS.indexOf(group.kind) * GROUP_KIND_FACTOR);
  writer.addText(group.organization);
  writer.addText(group.service);
  writer.addDouble(group.forgottenStartMs);
}

/** Encodes states with their groups. It takes the fewest bytes if the states of a group are next to each other. */
export function encodeStates(writer: StateWriter, states: Iterable<SeriesState>): void {
  let group: SeriesGroup | undefined;
  for (const state of states) {
    if (state.group !== group) encodeGroup(writer, state.group);
    group = state.group;
    encodeState(writer, state);
  }
}

function encodeState(writer: StateWriter, state: SeriesState): void {
  writer.addByte(getCode(state));
  writer.addText(state.key);
  encodePoint(writer, state);
  const { previous } = state;
  if (!previous) return;
  writer.addByte(getCode(previous));
  encodePoint(writer, previous);
}

/**
 * Reads the next state, fact, row, or group.
 *
 * @param group of the state
 * @throws RangeError if the data is invalid
 */
export function decodeEntry(
  reader: StateReader,
  group: SeriesGroup,
): SeriesState | Fact | SpanRow | GroupEntry {
  const code = reader.readByte();
  const key = reader.readText();
  if (code === FACT_CODE) return { kind: 'fact', text: key, seconds: reader.readUint32() };
  if (code === SPAN_ROW_CODE) return decodeSpanRow(reader, key);
  if ((code & KIND_MASK) === GROUP_CODE) {
    const groupKind = GROUP_KINDS[Math.floor(code / GROUP_KIND_FACTOR)];
    if (!groupKind) throw new RangeError('invalid kind');
    const service = reader.readText();
    const forgottenStartMs = reader.readDouble();
    return { kind: 'group', groupKind, organization: key, service, forgottenStartMs };
  }
  const point = decodePoint(reader, code, key, group);
  if ((code & HAS_PREVIOUS) === 0) return point;
  const previous = decodePoint(reader, reader.readByte(), key, group);
  if (previous.kind !== point.kind) throw new RangeError('invalid kind');
  return { ...point, previous } as SeriesState;
}

function getCode({ kind, delta, previous }: SeriesState): number {
  const flags = (delta === undefined ? 0 : HAS_DELTA) + (previous === undefined ? 0 : HAS_PREVIOUS);
  return KIND_CODES[kind] + flags;
}

function encodePoint(writer: StateWriter, state: SeriesState): void {
  writer.addUint32(state.updatedSeconds);
  writer.addDouble(state.startMs);
  writer.addDouble(state.timeMs);
  if (state.delta !== undefined) writer.addDouble(state.deltaStartMs);
  if (state.kind === 'number') {
    writer.addDouble(state.value);
    if (state.delta !== undefined) writer.addDouble(state.delta);
  } else if (state.kind === 'histogram') {
    encodeHistogram(writer, state.value, undefined);
    if (state.delta) encodeHistogram(writer, state.delta, state.value);
  } else if (state.kind === 'exponentialHistogram') {
    encodeExponentialHistogram(writer, state.value);
    if (state.delta) encodeExponentialHistogram(writer, state.delta);
  } else if (state.kind === 'summary') {
    for (const values of [state.value, state.delta]) {
      if (!values) continue;
      writer.addCount(values.count);
      writer.addDouble(values.sum);
    }
  }
}

function decodePoint(
  reader: StateReader,
  code: number,
  key: string,
  group: SeriesGroup,
): SeriesState {
  const kind = KINDS[code & KIND_MASK];
  if (!kind) throw new RangeError('invalid kind');
  const updatedSeconds = reader.readUint32();
  const startMs = reader.readDouble();
  const timeMs = reader.readDouble();
  const hasDelta = (code & HAS_DELTA) !== 0;
  const deltaStartMs = hasDelta ? reader.readDouble() : startMs;
  const value = decodeValues(reader, kind, undefined);
  const delta = hasDelta ? decodeValues(reader, kind, value) : undefined;
  const state: SeriesStateOf<keyof SeriesValues> = {
    ...{ kind, key, group, updatedSeconds, startMs, timeMs, value, delta, deltaStartMs },
    previous: undefined,
  };
  return state as SeriesState;
}

function decodeValues(
  reader: StateReader,
  kind: keyof SeriesValues,
  first: SeriesValues[keyof SeriesValues],
): SeriesValues[keyof SeriesValues] {
  if (kind === 'number') return reader.readDouble();
  if (kind === 'histogram') return decodeHistogram(reader, first as HistogramValues | undefined);
  if (kind === 'exponentialHistogram') return decodeExponentialHistogram(reader);
  if (kind === 'summary') return { count: reader.readCount(), sum: reader.readDouble() };
  return undefined;
}

/** @param first values with probably the same bounds */
function encodeHistogram(
  writer: StateWriter,
  values: HistogramValues,
  first: HistogramValues | undefined,
): void {
  const { bounds, bucketCounts } = values;
  const hasSameBounds = first?.bounds === bounds;
  encodeTotals(writer, values, hasSameBounds ? HAS_SAME_BOUNDS : 0);
  if (!hasSameBounds) {
    writer.addCount(bounds.length);
    for (const bound of bounds) writer.addDouble(bound);
  }
  encodeCounts(writer, bucketCounts);
}

function decodeHistogram(reader: StateReader, first: HistogramValues | undefined): HistogramValues {
  const { flags, ...totals } = decodeTotals(reader);
  const hasSameBounds = (flags & HAS_SAME_BOUNDS) !== 0;
  const bounds = hasSameBounds && first ? first.bounds : decodeBounds(reader);
  return { ...totals, bounds, bucketCounts: decodeCounts(reader) };
}

function decodeBounds(reader: StateReader): number[] {
  return Array.from({ length: reader.readLength() }, () => reader.readDouble());
}

function encodeExponentialHistogram(writer: StateWriter, values: ExponentialHistogramValues): void {
  encodeTotals(writer, values, 0);
  // A scale can be negative.
  writer.addDouble(values.scale);
  writer.addCount(values.zeroCount);
  writer.addCount(values.zeroThreshold);
  encodeRange(writer, values.positive);
  encodeRange(writer, values.negative);
}

function decodeExponentialHistogram(reader: StateReader): ExponentialHistogramValues {
  const { count, sum, min, max } = decodeTotals(reader);
  return {
    ...{ count, sum, min, max },
    scale: reader.readDouble(),
    zeroCount: reader.readCount(),
    zeroThreshold: reader.readCount(),
    positive: decodeRange(reader),
    negative: decodeRange(reader),
  };
}

type Totals = Pick<HistogramValues, 'count' | 'sum' | 'min' | 'max'>;

function encodeTotals(writer: StateWriter, { count, sum, min, max }: Totals, flags: number): void {
  const hasSum = sum === undefined ? 0 : HAS_SUM;
  const hasMin = min === undefined ? 0 : HAS_MIN;
  const hasMax = max === undefined ? 0 : HAS_MAX;
  writer.addByte(flags + hasSum + hasMin + hasMax);
  writer.addCount(count);
  if (sum !== undefined) writer.addDouble(sum);
  if (min !== undefined) writer.addDouble(min);
  if (max !== undefined) writer.addDouble(max);
}

function decodeTotals(reader: StateReader): Totals & { flags: number } {
  const flags = reader.readByte();
  return {
    flags,
    count: reader.readCount(),
    sum: flags & HAS_SUM ? reader.readDouble() : undefined,
    min: flags & HAS_MIN ? reader.readDouble() : undefined,
    max: flags & HAS_MAX ? reader.readDouble() : undefined,
  };
}

function encodeRange(writer: StateWriter, { offset, bucketCounts }: BucketRange): void {
  encodeCounts(writer, bucketCounts);
  if (bucketCounts.length > 0) writer.addDouble(offset);
}

function decodeRange(reader: StateReader): BucketRange {
  const bucketCounts = decodeCounts(reader);
  return { offset: bucketCounts.length > 0 ? reader.readDouble() : 0, bucketCounts };
}

function encodeCounts(writer: StateWriter, counts: readonly number[]): void {
  writer.addCount(counts.length);
  for (const count of counts) writer.addCount(count);
}

function decodeCounts(reader: StateReader): number[] {
  return Array.from({ length: reader.readLength() }, () => reader.readCount());
}
