import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCertificate } from '../../test/support/certificate.ts';

/** Servers that accept all data of the other agents, so that failed connections don't add cost. */
export interface Sink {
  readonly httpUrl: string;
  /** Port of the TLS server. New Relic's agent sends only over TLS. */
  readonly tlsPort: number;
  /** File with the certificate of the TLS server. */
  readonly certificateFile: string;
  readonly close: () => void;
}

export async function startSink(): Promise<Sink> {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-sink-'));
  const certificate = createCertificate(folder);
  const respond: RequestListener = (request, response) => {
    const { url = '' } = request;
    request.resume().on('end', () => response.end(getResponse(url)));
  };
  const http = createHttpServer(respond);
  const https = createHttpsServer({ cert: certificate.cert, key: certificate.key }, respond);
  return {
    httpUrl: `http://127.0.0.1:${await listen(http)}`,
    tlsPort: await listen(https),
    certificateFile: certificate.file,
    close: () => {
      for (const server of [http, https]) {
        server.close();
        server.closeAllConnections();
      }
      rmSync(folder, { recursive: true });
    },
  };
}

/** The upstream service that the measured service calls. */
export async function startUpstream(): Promise<{ url: string; close: () => void }> {
  const server = createHttpServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end('{"price":120}');
  });
  const url = `http://127.0.0.1:${await listen(server)}/price`;
  return {
    url,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** New Relic's agent measures nothing until its collector has accepted the connection. */
function getResponse(url: string): string {
  if (url.includes('method=preconnect')) return '{"return_value":{"redirect_host":"localhost"}}';
  if (url.includes('method=connect')) return '{"return_value":{"agent_run_id":1}}';
  return url.includes('invoke_raw_method') ? '{"return_value":null}' : '{}';
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}
