import { describe, expect, it } from 'vitest';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

function parse(env: Record<string, string>) {
  const { settings, problems } = parseSettings(env);
  return { otlp: settings.otlp, problems: problems.map(({ message }) => message) };
}

describe('the OTLP export', () => {
  it.each([
    ['no variable', {}],
    ['an empty endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }],
    ['OTEL_METRICS_EXPORTER=none', { ...ENDPOINT, OTEL_METRICS_EXPORTER: 'none' }],
    ['OTEL_METRICS_EXPORTER=prometheus', { ...ENDPOINT, OTEL_METRICS_EXPORTER: 'prometheus' }],
    ['PERFORMANCE_OTLP_EXPORT=false', { ...ENDPOINT, PERFORMANCE_OTLP_EXPORT: 'false' }],
    ['only a protocol that is not supported', { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }],
    ['only an endpoint for traces', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c:4318' }],
  ])('is off with %s', (_case, env) => {
    expect(parse(env)).toEqual({ otlp: undefined, problems: [] });
  });

  it('has the defaults of the specification', () => {
    expect(parse(ENDPOINT)).toEqual({
      problems: [],
      otlp: {
        url: 'http://collector:4318/v1/metrics',
        headers: {},
        encoding: 'protobuf',
        isCompressed: false,
        timeoutMs: 10_000,
        collectTimeoutMs: 30_000,
        temporality: 'cumulative',
        histogramAggregation: 'explicit',
        certificateFile: undefined,
        clientCertificateFile: undefined,
        clientKeyFile: undefined,
      },
    });
  });

  it.each([
    ['http://c:4318/', 'http://c:4318/v1/metrics'],
    ['https://otlp.example/otlp', 'https://otlp.example/otlp/v1/metrics'],
    ['https://otlp.example/otlp/?tenant=a', 'https://otlp.example/otlp/v1/metrics?tenant=a'],
  ])('appends the path to the base endpoint %s', (endpoint, url) => {
    expect(parse({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }).otlp?.url).toBe(url);
  });

  it.each([
    ['http://prometheus:9090/api/v1/otlp/v1/metrics'],
    ['http://collector:4318/'],
    ['https://collector/custom?a=b'],
  ])('uses the endpoint for metrics %s as is', (endpoint) => {
    const env = { ...ENDPOINT, OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: endpoint };
    expect(parse(env).otlp?.url).toBe(endpoint);
  });

  it('uses a local Collector if only the exporter is set', () => {
    const { otlp } = parse({ OTEL_METRICS_EXPORTER: 'prometheus,otlp' });
    expect(otlp?.url).toBe('http://localhost:4318/v1/metrics');
  });

  it('prefers variables for metrics', () => {
    const { otlp, problems } = parse({
      ...ENDPOINT,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'none',
      OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_TIMEOUT: '1',
      OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: '250',
      OTEL_EXPORTER_OTLP_CERTIFICATE: '/all.pem',
      OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE: '/metrics.pem',
      OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: '/client.pem',
      OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY: '/client.key',
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'LowMemory',
      OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION:
        'base2_exponential_bucket_histogram',
      OTEL_METRIC_EXPORT_TIMEOUT: '2000',
    });
    expect(problems).toEqual([]);
    expect(otlp).toMatchObject({
      encoding: 'json',
      isCompressed: true,
      timeoutMs: 250,
      collectTimeoutMs: 2000,
      certificateFile: '/metrics.pem',
      clientCertificateFile: '/client.pem',
      clientKeyFile: '/client.key',
      temporality: 'lowmemory',
      histogramAggregation: 'exponential',
    });
  });

  it('decodes headers, and combines those for all signals with those for metrics', () => {
    const { otlp, problems } = parse({
      ...ENDPOINT,
      OTEL_EXPORTER_OTLP_HEADERS: 'Api-Key=one, x-scope=a%2Cb%3D%20c,Content-Type=text/plain,',
      OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'api-key=two==',
    });
    expect(problems).toEqual([]);
    expect(otlp?.headers).toEqual({ 'api-key': 'two==', 'x-scope': 'a,b= c' });
  });

  it('sends the credentials of the endpoint as a header', () => {
    const { otlp } = parse({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://me:p%40ss@c.example' });
    expect(otlp?.url).toBe('https://c.example/v1/metrics');
    expect(otlp?.headers).toEqual({
      authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}`,
    });
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'http', /http\/protobuf or http\/json/],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', /gRPC isn't supported, so http\/protobuf is used/],
    ['OTEL_EXPORTER_OTLP_METRICS_PROTOCOL', 'grpc', /port 4317, needs an OpenTelemetry Collector/],
    ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zstd', /gzip or none/],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', '10s', /from 1 to 86400000/],
    ['OTEL_METRIC_EXPORT_TIMEOUT', '-1', /from 1 to 86400000/],
    ['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', 'x', /cumulative, delta or lowmemory/],
    ['OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION', 'x', /base2_exponential/],
    ['OTEL_METRICS_EXPORTER', 'otlp,console', /otlp, prometheus, none/],
    ['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', 'collector:4318', /http:\/\/ or https:\/\//],
  ])('reports %s=%s in one line, and uses the default', (name, value, expected) => {
    const { otlp, problems } = parse({ ...ENDPOINT, [name]: value });
    expect(otlp).toEqual(parse(ENDPOINT).otlp);
    expect(problems).toEqual([expect.stringMatching(expected)]);
    expect(problems[0]).toContain(`${name}=${value} is invalid`);
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_HEADERS', 'api-key=hunter2%zz'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'api-key=hunter2%0d%0ax: y'],
    ['OTEL_EXPORTER_OTLP_METRICS_HEADERS', 'hunter2'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'ftp://me:hunter2@c'],
    ['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', 'https//me:hunter2@c'],
  ])('does not repeat the secret of an invalid %s', (name, value) => {
    const { problems } = parse({ ...ENDPOINT, [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(name);
    expect(problems[0]).not.toContain('hunter2');
  });
});

it.each([
  ['true', false, 0],
  ['TRUE', false, 0],
  ['false', true, 0],
  ['', true, 0],
  ['yes', true, 1],
])('OTEL_SDK_DISABLED=%s', (value, enabled, problemCount) => {
  const { settings, problems } = parseSettings({ OTEL_SDK_DISABLED: value });
  expect(settings.enabled).toBe(enabled);
  expect(problems).toHaveLength(problemCount);
});

describe('names of variables', () => {
  it.each([
    ['OTEL_EXPORTER_OTLP_ENDPIONT', 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    ['OTEL_EXPORTER_OTLP_HEADER', 'OTEL_EXPORTER_OTLP_HEADERS'],
    ['OTEL_EXPORTER_OLTP_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    ['OTEL_EXPORT_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    ['OTEL_EXPORTER_OTLP_METRIC_ENDPOINT', 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT'],
    ['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY', 'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE'],
    ['OTEL_EXPORTER_OTLP_TRACES_HEADRES', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS'],
    ['OTEL_EXPORTER_OTLP_CERT', 'OTEL_EXPORTER_OTLP_CERTIFICATE'],
  ])('are reported if they are misspelled: %s', (name, nearest) => {
    expect(parse({ [name]: 'x' }).problems).toEqual([
      `${name} is not an OpenTelemetry variable. Did you mean ${nearest}? See docs/integrations.md for the list of variables.`,
    ]);
    const off = { OTEL_METRICS_EXPORTER: 'none', [name]: 'x' };
    expect(parse(off).problems).toEqual([]);
  });

  it('are not reported if other SDKs read them', () => {
    const suffixes = ['INSECURE', 'CERTIFICATE', 'CLIENT_KEY', 'CLIENT_CERTIFICATE', 'TIMEOUT'];
    const signals = ['', 'TRACES_', 'METRICS_', 'LOGS_', 'PROFILES_'];
    const names = [
      ...['TRACES_', 'LOGS_', 'PROFILES_'].flatMap((signal) =>
        ['ENDPOINT', 'HEADERS', 'COMPRESSION', 'PROTOCOL'].map((suffix) => signal + suffix),
      ),
      ...signals.flatMap((signal) => ['INSECURE', 'CERTIFICATE'].map((suffix) => signal + suffix)),
      ...suffixes.map((suffix) => `TRACES_${suffix}`),
      ...['SPAN_INSECURE', 'METRIC_INSECURE', 'PYTHON_CREDENTIAL_PROVIDER', 'RETRY_DISABLED'],
    ].map((suffix) => `OTEL_EXPORTER_OTLP_${suffix}`);
    const others = ['OTEL_EXPORTER_ZIPKIN_ENDPOINT', 'OTEL_EXPORTER_JAEGER_ENDPOINT'];
    const env = Object.fromEntries([...names, ...others].map((name) => [name, 'x']));
    expect(parse(env).problems).toEqual([]);
  });
});
