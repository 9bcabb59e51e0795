import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { checkDestinations } from '../../../../src/agent/doctor/check-destination.ts';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';
import { createCertificate } from '../../../support/certificate.ts';
import { FakeQuestdb } from '../../../support/fake-questdb.ts';
import { OtlpReceiver } from '../../../support/otlp-receiver.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-otlp-tls-'));
afterAll(() => rmSync(folder, { recursive: true }));

function check(env: Record<string, string>, timeoutMs?: number): Promise<string[]> {
  const { settings } = parseSettings(env);
  const config = { settings, discoveryFile: join(folder, 'server.json') };
  return checkDestinations(config, timeoutMs === undefined ? {} : { timeoutMs });
}

it.each(['http/protobuf', 'http/json'])(
  'accepts an endpoint that responds to %s',
  async (protocol) => {
    const receiver = await new OtlpReceiver().start();
    const lines = await check({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=k',
    });
    receiver.stop();
    expect(lines).toEqual([
      `✓ metrics are sent over OTLP to ${receiver.url}/v1/metrics`,
      'Rows are not sent to QuestDB: only an OTLP endpoint is configured.',
    ]);
    expect(receiver.requests).toMatchObject([{ resources: [], headers: { 'api-key': 'k' } }]);
  },
);

it('reports the response of an endpoint, and checks QuestDB too', async () => {
  const receiver = await new OtlpReceiver('rejects everything').start();
  const questdb = new FakeQuestdb('sends text as a version');
  await questdb.start();
  const lines = await check({
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${receiver.url}/otlp?key=hunter2`,
    PERFORMANCE_QUESTDB_URL: questdb.url,
  });
  receiver.stop();
  questdb.stop();
  expect(lines).toEqual([
    `✗ metrics are not sent over OTLP: ${receiver.url}/otlp does not accept the request: HTTP 400 bad`,
    expect.stringContaining(questdb.url),
  ]);
});

it('advises how to correct a path that ends twice with /v1/metrics', async () => {
  const receiver = await new OtlpReceiver().start();
  const detail = 'There is no such path. Send metrics to /v1/metrics.';
  const headers = { 'content-type': 'application/problem+json' };
  receiver.respondOnce(404, JSON.stringify({ title: 'Not Found', detail }), headers);
  const [line] = await check({ OTEL_EXPORTER_OTLP_ENDPOINT: `${receiver.url}/v1/metrics` });
  receiver.stop();
  expect(line).toBe(
    `✗ metrics are not sent over OTLP: ${receiver.url}/v1/metrics/v1/metrics does not accept the request: HTTP 404 ${detail} Remove \`/v1/metrics\` from OTEL_EXPORTER_OTLP_ENDPOINT, because the agent appends \`/v1/metrics\`.`,
  );
});

it('reports an endpoint that does not respond', async () => {
  const receiver = await new OtlpReceiver('hangs').start();
  const [line] = await check({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }, 10);
  receiver.stop();
  expect(line).toMatch(/^✗ metrics are not sent over OTLP to .* timeout/);
});

it('trusts the configured certificate, and sends the certificate of the client', async () => {
  const { file, cert, key } = createCertificate(folder);
  const keyFile = join(folder, 'client.key');
  writeFileSync(keyFile, key);
  const tls = { cert, key, ca: cert, requestCert: true, rejectUnauthorized: true };
  const receiver = await new OtlpReceiver('answers', tls).start();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
  const [withoutCertificates] = await check(env);
  expect(withoutCertificates).toMatch(/^✗ .*self-signed certificate/);
  const [withoutClient] = await check({ ...env, OTEL_EXPORTER_OTLP_CERTIFICATE: file });
  expect(withoutClient).toMatch(/^✗ /);
  const [accepted] = await check({
    ...env,
    OTEL_EXPORTER_OTLP_CERTIFICATE: file,
    OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: file,
    OTEL_EXPORTER_OTLP_CLIENT_KEY: keyFile,
  });
  receiver.stop();
  expect(accepted).toBe(`✓ metrics are sent over OTLP to ${receiver.url}/v1/metrics`);
});

it('reports a certificate that is missing', async () => {
  const [line] = await check({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://127.0.0.1:1',
    OTEL_EXPORTER_OTLP_CERTIFICATE: join(folder, 'missing.pem'),
  });
  expect(line).toMatch(/^✗ .*OTEL_EXPORTER_OTLP_CERTIFICATE.*ENOENT/);
});
