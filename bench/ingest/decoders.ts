import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { decodeMetricsProtobuf } from '../../src/server/otlp/decode/decode-protobuf.ts';
import { median } from '../report.ts';
import { MetricBatches, POINTS_PER_BATCH } from './metric-batches.ts';

const PROTO_FOLDER = 'test/support/opentelemetry-proto';
const SERVICE = `${PROTO_FOLDER}/opentelemetry/proto/collector/metrics/v1/metrics_service.proto`;
const REQUEST = 'opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest';
const GENERATED_FOLDER = 'bench/ingest/node_modules/.generated';
const START_TIME_MS = Date.UTC(2026, 10, 28);
const BODIES = 50;

interface Decoder {
  decode: (body: Buffer) => unknown;
  bodies: readonly Buffer[];
}

/**
 * Measures the CPU time of decoders for metric requests in protobuf. The decoders alternate.
 *
 * @returns the median of the rounds in µs per point, by decoder
 */
export function measureDecoders(rounds: number, requests: number): Map<string, number> {
  const decoders = listDecoders();
  const results = new Map([...decoders.keys()].map((name) => [name, [] as number[]]));
  // The first round is a warm-up and is not counted.
  for (let round = 0; round <= rounds; round++) {
    const order = [...decoders];
    if (round % 2 === 1) order.reverse();
    for (const [name, decoder] of order) {
      const micros = measureRound(decoder, requests);
      if (round > 0) results.get(name)!.push(micros);
    }
  }
  return new Map([...results].map(([name, values]) => [name, median(values)]));
}

function measureRound({ decode, bodies }: Decoder, requests: number): number {
  const start = process.cpuUsage();
  for (let request = 0; request < requests; request++) decode(bodies[request % bodies.length]!);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / requests / POINTS_PER_BATCH;
}

function listDecoders(): Map<string, Decoder> {
  installLibraries();
  const series = new MetricBatches(1, 'shop', START_TIME_MS);
  const bodies = Array.from({ length: BODIES }, (_, index) =>
    series.nextBody(START_TIME_MS + index * 10_000),
  );
  // More attributes than the cache contains, so each point is the first of its series.
  const newBodies = Array.from({ length: BODIES * 2 }, (_, index) =>
    new MetricBatches(index, `service-${index}`, START_TIME_MS, true).nextBody(START_TIME_MS),
  );
  return new Map<string, Decoder>([
    ['Perfscope', { decode: (body) => decodeMetricsProtobuf(body), bodies }],
    ['Perfscope, new series', { decode: (body) => decodeMetricsProtobuf(body), bodies: newBodies }],
    ['protobufjs, static code', { decode: createProtobufjsDecoder(), bodies }],
    ['@bufbuild/protobuf', { decode: createBufbuildDecoder(), bodies }],
  ]);
}

function installLibraries(): void {
  if (existsSync('bench/ingest/node_modules')) return;
  const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  execFileSync('npm', ['ci', ...flags], { cwd: 'bench/ingest', stdio: 'inherit' });
}

const requireLibrary = createRequire(join(process.cwd(), 'bench/ingest/package.json'));

/** Generates static code with numbers instead of objects for 64-bit integers, because that is faster. */
function createProtobufjsDecoder(): (body: Buffer) => unknown {
  const file = join(GENERATED_FOLDER, 'otlp.cjs');
  if (!existsSync(file)) {
    mkdirSync(GENERATED_FOLDER, { recursive: true });
    const pbjs = requireLibrary.resolve('protobufjs-cli/bin/pbjs');
    const kind = ['-t', 'static-module', '-w', 'commonjs', '--force-number', '--no-comments'];
    const args = [...kind, '-p', PROTO_FOLDER, '-o', file, SERVICE];
    execFileSync(process.execPath, [pbjs, ...args], { stdio: 'inherit' });
  }
  const { opentelemetry } = createRequire(join(process.cwd(), file))('./otlp.cjs');
  const type = opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest;
  return (body) => type.decode(body);
}

function createBufbuildDecoder(): (body: Buffer) => unknown {
  const { createFileRegistry, fromBinary } = requireLibrary('@bufbuild/protobuf');
  const { FileDescriptorSetSchema } = requireLibrary('@bufbuild/protobuf/wkt');
  const buf = requireLibrary.resolve('@bufbuild/buf/bin/buf');
  const set = execFileSync(process.execPath, [buf, 'build', PROTO_FOLDER, '-o', '-']);
  const schema = createFileRegistry(fromBinary(FileDescriptorSetSchema, set)).getMessage(REQUEST);
  return (body) => fromBinary(schema, body);
}
