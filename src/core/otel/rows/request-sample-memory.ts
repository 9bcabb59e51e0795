import { hashText } from '../../lazy-crypto.ts';
import type { MappedResource } from '../mapping/resource-mapping.ts';

/** Maximum number of samples that are remembered. Each one takes about 150 bytes. */
const MAX_SAMPLES = 20_000;

/** The kind of data that a sample comes from. A span contains more than an exemplar, such as the user. */
export type SampleSource = 'span' | 'exemplar';

export interface SampledSpan {
  readonly resource: MappedResource;
  readonly traceId: string;
  readonly spanId: string;
  readonly timeMs: number;
}

/** The keys of a row. A row with the same keys replaces it. */
export interface SampleKeys {
  readonly id: string;
  /** In ms since the epoch. */
  readonly timestampMs: number;
}

interface KnownSample {
  timestampMs: number;
  source: SampleSource;
}

/**
 * Remembers the last samples of requests, because a process can send a request twice: as a span, and as an exemplar of a
 * metric. Both must have the same keys, although their times differ.
 */
export class RequestSampleMemory {
  readonly #samples = new Map<string, KnownSample>();

  /**
   * Returns the keys of the row for a sample. A span replaces the row of its exemplar.
   *
   * @returns undefined if the row of the span is already known, so that the exemplar needs no row
   */
  add(source: SampleSource, sample: SampledSpan): SampleKeys | undefined {
    const id = toSampleId(sample);
    const known = this.#samples.get(id);
    if (known) {
      if (known.source === 'span' && source === 'exemplar') return undefined;
      known.source = source;
      return { id, timestampMs: known.timestampMs };
    }
    const { timeMs: timestampMs } = sample;
    this.#samples.set(id, { timestampMs, source });
    if (this.#samples.size > MAX_SAMPLES) {
      const [oldest = ''] = this.#samples.keys();
      this.#samples.delete(oldest);
    }
    return { id, timestampMs };
  }
}

/** Different senders can choose the same span ID, so the ID of a sample also depends on the process. */
function toSampleId({ resource, traceId, spanId }: SampledSpan): string {
  const { service, organizationId = '' } = resource;
  const parts = [organizationId, service.service, service.instance ?? '', traceId, spanId];
  return hashText(JSON.stringify(parts), 24);
}
