import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  readonly file: string;
  readonly cert: string;
  readonly key: string;
}

/** Creates a self-signed certificate for `localhost`. */
export function createCertificate(folder: string): Certificate {
  const [file, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const result = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-keyout', keyFile, '-out', file, '-days', '2', '-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
  ]);
  if (result.status !== 0) throw new Error(String(result.error ?? result.stderr));
  return { file, cert: readFileSync(file, 'utf8'), key: readFileSync(keyFile, 'utf8') };
}
