import { setImmediate as nextTurn } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { OtelResourceMetrics } from '../../core/otel/metric-data.ts';
import type { CumulativeSeries } from '../../core/otel/series/cumulative-series.ts';
import type { SeriesTransaction } from '../../core/otel/series/cumulative-to-delta.ts';
import type { OtelResourceSpans } from '../../core/otel/span-data.ts';
import { createError, type ErrorCode, PerfscopeError } from '../../core/perfscope-error.ts';
import type { AnyRow } from '../../core/schema/table-definition.ts';
import type { TableName } from '../../core/schema/table-registry.ts';
import type { DurableRows } from '../../storage/write/durable-rows.ts';
import {
  decodeMetricsJson,
  decodeParsedMetrics,
  decodeParsedTraces,
  decodeTracesJson,
} from './decode/decode-json.ts';
import { decodeMetricsProtobuf, decodeTracesProtobuf } from './decode/decode-protobuf.ts';
import { DecodeSession } from './decode/decode-session.ts';
import { DEFAULT_DECODE_LIMITS, type DecodeLimits } from './decode/decoded-request.ts';
import { OtlpDecodeError } from './decode/otlp-decode-error.ts';
import type { OtlpSignal, PartialSuccess } from './decode/otlp-response.ts';
import { parseJsonBody } from './decode/parse-json-body.ts';
import { explainEmptyRequest } from './empty-request.ts';
import type { OtlpRequest } from './otlp-router.ts';
import { addCounts, type ExportOutcome, sumCounts, toPartialSuccess } from './partial-success.ts';
import { RequestAbortedError } from './read-body.ts';
import { splitJson } from './split-json.ts';
import { MAX_PART_BYTES, splitRequest } from './split-request.ts';

/** The rows of one part of a request. */
interface ConvertedData {
  readonly tables: ReadonlyMap<TableName, readonly AnyRow[]>;
  /** Number of invalid points or spans by reason. */
  readonly rejected: ReadonlyMap<string, number>;
  /** Number of valid points or spans without rows, by reason. */
  readonly ignored: ReadonlyMap<string, number>;
}

export interface ConvertContext {
  readonly transaction: SeriesTransaction;
  /** Organization of the sender's key. All data is stored for it. */
  readonly organizationId: string | undefined;
  readonly nowMs: number;
}

export interface OtlpServiceOptions {
  /** Last points of the cumulative series. */
  readonly series: CumulativeSeries;
  readonly convertMetrics: (
    resources: readonly OtelResourceMetrics[],
    context: ConvertContext,
  ) => ConvertedData;
  readonly convertSpans: (
    resources: readonly OtelResourceSpans[],
    context: ConvertContext,
  ) => ConvertedData;
  /** Resolves when the record is in the spool file. See `RowWriter.addDurably`. */
  readonly addDurably: (rows: DurableRows) => Promise<void>;
  /** Returns why nothing can be stored now. Undefined if data can be stored. */
  readonly getUnavailableReason: () => string | undefined;
  readonly countItems: (signal: OtlpSignal, outcome: ExportOutcome) => void;
  readonly now?: () => number;
}

const RETRY_AFTER_S = 5;
/** Parsing a body in JSON blocks the event loop for about 8 ms per MiB. The parsed body is divided. */
const MAX_JSON_BYTES = 8 * 2 ** 20;
/** Parts of usual requests need up to ten times their size. */
const DECODE_LIMITS: DecodeLimits = { ...DEFAULT_DECODE_LIMITS, maxDecodedBytes: 40 * 2 ** 20 };

/** A part of a request: encoded, or parsed JSON. */
type RequestPart = Buffer | { readonly json: unknown };

interface DecodedPart {
  readonly resources: number;
  readonly items: number;
  readonly rejected: ReadonlyMap<string, number>;
  readonly shortenedTexts: number;
  readonly convert: (context: ConvertContext) => ConvertedData;
}

/** Stores the data of OTLP requests, one request part after the other. */
export class OtlpService {
  readonly #options: OtlpServiceOptions;
  readonly #now: () => number;
  /** Only one large body in JSON is parsed at a time, because it takes several times its size. */
  readonly #parseNext = pLimit(1);

  constructor(options: OtlpServiceOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /**
   * Stores the data of a request. A request that is repeated gives the same rows.
   *
   * @returns the rejected data, or undefined if all data was accepted
   * @throws PS_OTLP_INVALID or PS_OTLP_TOO_LARGE if the request can never work, or PS_OTLP_NOT_STORED
   */
  async store(request: OtlpRequest): Promise<PartialSuccess | undefined> {
    const { encoding, body } = request;
    this.#checkAvailable();
    if (encoding !== 'json' || body.length <= MAX_PART_BYTES) {
      return this.#storeParts(request, () => listParts(request));
    }
    if (body.length > MAX_JSON_BYTES) {
      const stage = 'after decompression, the limit for JSON';
      throw createError('PS_OTLP_TOO_LARGE', { mebibytes: MAX_JSON_BYTES / 2 ** 20, stage });
    }
    return this.#parseNext(async () => {
      const json = this.#parseJson(request);
      await nextTurn();
      return this.#storeParts(request, () => listJsonParts(request.signal, json));
    });
  }

  async #storeParts(
    request: OtlpRequest,
    list: () => Iterable<RequestPart>,
  ): Promise<PartialSuccess | undefined> {
    const { signal } = request;
    await this.#validate(request, list());
    const outcomes: ExportOutcome[] = [];
    for (const part of list()) outcomes.push(await this.#storePart(request, part));
    const outcome = {
      stored: outcomes.reduce((sum, { stored }) => sum + stored, 0),
      rejected: addCounts(...outcomes.map(({ rejected }) => rejected)),
      ignored: addCounts(...outcomes.map(({ ignored }) => ignored)),
      shortenedTexts: outcomes.reduce((sum, each) => sum + each.shortenedTexts, 0),
      emptyReason: outcomes.every(({ emptyReason }) => emptyReason !== undefined)
        ? outcomes[0]?.emptyReason
        : undefined,
    };
    this.#options.countItems(signal, outcome);
    return toPartialSuccess(signal, outcome);
  }

  #checkAvailable(): void {
    const reason = this.#options.getUnavailableReason();
    if (reason !== undefined) throw createNotStoredError(reason);
  }

  /** Decodes all parts of a large request, so that nothing is stored if one of them is malformed. */
  async #validate(request: OtlpRequest, parts: Iterable<RequestPart>): Promise<void> {
    for (const part of parts) {
      if (part === request.body) return;
      try {
        this.#decode(request, part);
      } catch (error) {
        // The path of a fault in a part differs from its path in the body.
        if (!Buffer.isBuffer(part)) this.#decode(request, request.body);
        throw error;
      }
      await nextTurn();
    }
  }

  #parseJson({ body }: OtlpRequest): unknown {
    try {
      return parseJsonBody(body, new DecodeSession(DEFAULT_DECODE_LIMITS));
    } catch (error) {
      throw toInvalidError(error);
    }
  }

  async #storePart(request: OtlpRequest, part: RequestPart): Promise<ExportOutcome> {
    const { series, addDurably } = this.#options;
    const transaction = await series.beginNext(this.#now);
    try {
      // The sender sends the request again, so that storing it now would only delay other requests.
      if (request.isAborted()) throw new RequestAbortedError();
      this.#checkAvailable();
      const decoded = this.#decode(request, part);
      const { items, rejected: undecoded, shortenedTexts, convert } = decoded;
      const { signal, encoding, organizationId } = request;
      const converted = convert({ transaction, organizationId, nowMs: this.#now() });
      const { tables, ignored } = converted;
      const state = transaction.encode();
      if (state !== undefined || hasRows(tables)) {
        await addDurably({ tables, state }).catch((error: unknown) => {
          throw toNotStoredError(error);
        });
      }
      transaction.commit();
      return {
        stored: items - sumCounts(converted.rejected) - sumCounts(ignored),
        rejected: addCounts(undecoded, converted.rejected),
        ignored,
        shortenedTexts,
        emptyReason:
          items === 0 && undecoded.size === 0
            ? explainEmptyRequest(signal, encoding, decoded.resources, part)
            : undefined,
      };
    } finally {
      transaction.rollback();
    }
  }

  #decode({ signal, encoding }: OtlpRequest, part: RequestPart): DecodedPart {
    const { convertMetrics, convertSpans } = this.#options;
    try {
      if (signal === 'metrics') {
        const { resources, points, rejected } = decodeMetrics(encoding, part);
        return {
          resources: resources.length,
          items: points,
          rejected,
          shortenedTexts: 0,
          convert: (context) => convertMetrics(resources, context),
        };
      }
      const { resources, spans, rejected, shortenedTexts } = decodeTraces(encoding, part);
      return {
        ...{ resources: resources.length, items: spans, rejected, shortenedTexts },
        convert: (context) => convertSpans(resources, context),
      };
    } catch (error) {
      throw toInvalidError(error);
    }
  }
}

function decodeMetrics(encoding: OtlpRequest['encoding'], part: RequestPart) {
  if ('json' in part) return decodeParsedMetrics(part.json, DECODE_LIMITS);
  return (encoding === 'json' ? decodeMetricsJson : decodeMetricsProtobuf)(part, DECODE_LIMITS);
}

function decodeTraces(encoding: OtlpRequest['encoding'], part: RequestPart) {
  if ('json' in part) return decodeParsedTraces(part.json, DECODE_LIMITS);
  return (encoding === 'json' ? decodeTracesJson : decodeTracesProtobuf)(part, DECODE_LIMITS);
}

function toInvalidError(error: unknown): unknown {
  if (!(error instanceof OtlpDecodeError)) return error;
  const { position, reason } = error;
  return createError('PS_OTLP_INVALID', { position, reason });
}

function* listJsonParts(signal: OtlpSignal, json: unknown): Generator<RequestPart> {
  for (const part of splitJson(signal, json)) yield { json: part };
}

/** Returns the parts of a request. An empty body is an empty request. */
function listParts({ signal, encoding, body }: OtlpRequest): Iterable<Buffer> {
  if (body.length === 0) return [];
  return encoding === 'json' ? [body] : splitRequest(signal, body);
}

function hasRows(tables: ConvertedData['tables']): boolean {
  return [...tables.values()].some(({ length }) => length > 0);
}

/** Why the spool doesn't accept a record, in words that contain no path of the server. */
const SPOOL_REASONS: Partial<Record<ErrorCode, string>> = {
  PS_SPOOL_FULL: 'the spool of the server is full',
  PS_SPOOL_REFUSED: 'the disk of the server does not accept data',
  PS_WRITER_CLOSED: 'the server is stopping',
};

function toNotStoredError(error: unknown): unknown {
  const reason = error instanceof PerfscopeError ? SPOOL_REASONS[error.code] : undefined;
  return reason === undefined ? error : createNotStoredError(reason, error);
}

function createNotStoredError(reason: string, cause?: unknown) {
  return createError('PS_OTLP_NOT_STORED', { reason, seconds: RETRY_AFTER_S }, cause);
}
