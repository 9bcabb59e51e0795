import type { OtlpSignal } from './decode/otlp-response.ts';

/**
 * Maximum weight of a part: about 2,000 points. Decoding and mapping a part blocks the event loop for less than 50 ms,
 * also on a busy machine.
 */
const MAX_PART_WEIGHT = 4000;
/** Weight of an element of a point or a span, such as the count of a bucket or an attribute. */
const ELEMENT_WEIGHT = 1 / 16;

type JsonObject = Readonly<Record<string, unknown>>;

/** The list that each message contains, from the request to the points or spans. */
const LISTS: Readonly<Record<OtlpSignal, readonly string[]>> = {
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics', 'dataPoints'],
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
};
/** The field of a metric that contains the points. */
const DATA_FIELDS = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'];

/** A message that contains the next one of a path, or the list with the value. */
interface PathStep {
  readonly message: JsonObject;
  /** The field with the list, or with the message that has the list. */
  readonly field: string;
  readonly listField?: string;
}

/**
 * Divides a parsed request into smaller requests with the same data, in the same order. Messages of another form than
 * expected stay whole, so that the decoder reports them.
 */
export function* splitJson(
  signal: OtlpSignal,
  request: unknown,
  maxWeight: number = MAX_PART_WEIGHT,
): Generator<unknown, void, undefined> {
  let part = new PartBuilder();
  for (const { path, value } of walk(request, LISTS[signal], [])) {
    if (path.length === 0) {
      yield value;
      return;
    }
    part.add(path, value);
    if (part.weight < maxWeight) continue;
    yield part.request;
    part = new PartBuilder();
  }
  if (part.weight > 0) yield part.request;
}

/** Returns all values that stay whole, each with the messages that contain it. */
function* walk(
  value: unknown,
  [list, ...lists]: readonly string[],
  path: readonly PathStep[],
): Generator<{ path: readonly PathStep[]; value: unknown }> {
  const step = list === undefined ? undefined : findStep(value, list);
  if (!step) {
    yield { path, value };
    return;
  }
  for (const element of getList(step)) yield* walk(element, lists, [...path, step]);
}

function findStep(value: unknown, list: string): PathStep | undefined {
  if (!isObject(value)) return undefined;
  if (list !== 'dataPoints') {
    return Array.isArray(value[list]) ? { message: value, field: list } : undefined;
  }
  const [field, second] = DATA_FIELDS.filter((name) => name in value);
  const data = field === undefined ? undefined : value[field];
  if (field === undefined || second !== undefined || !isObject(data)) return undefined;
  return Array.isArray(data[list]) ? { message: value, field, listField: list } : undefined;
}

function getList({ message, field, listField }: PathStep): readonly unknown[] {
  const inner = message[field];
  return (listField === undefined ? inner : (inner as JsonObject)[listField]) as unknown[];
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Collects values, and copies the messages that contain them. */
class PartBuilder {
  weight = 0;
  readonly #copies: { readonly message: JsonObject; readonly copy: JsonObject; list: unknown[] }[] =
    [];

  get request(): unknown {
    return this.#copies[0]?.copy;
  }

  add(path: readonly PathStep[], value: unknown): void {
    for (const [depth, step] of path.entries()) {
      if (this.#copies[depth]?.message === step.message) continue;
      this.#copies.length = depth;
      const list: unknown[] = [];
      const { message, field, listField } = step;
      const inner = listField ? { ...(message[field] as JsonObject), [listField]: list } : list;
      const copy = { ...message, [field]: inner };
      this.#copies.at(-1)?.list.push(copy);
      this.#copies.push({ message, copy, list });
    }
    this.#copies.length = path.length;
    this.#copies.at(-1)?.list.push(value);
    this.weight += weigh(value);
  }
}

function weigh(value: unknown): number {
  if (!isObject(value)) return 1;
  let elements = 0;
  for (const field of Object.values(value)) if (Array.isArray(field)) elements += field.length;
  return 1 + elements * ELEMENT_WEIGHT;
}
