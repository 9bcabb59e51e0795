import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

export interface Certificate {
  readonly file: string;
  readonly cert: string;
  readonly key: string;
}

/**
 * Creates a self-signed certificate for `localhost` in a temporary folder.
 *
 * @returns the certificate, a function that makes this process trust it, and a function that undoes both
 */
export function createTemporaryCertificate() {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-tls-'));
  const trusted = getCACertificates('default');
  const { cert, key } = createCertificate(folder);
  return {
    cert,
    key,
    trust: () => setDefaultCACertificates([...trusted, cert]),
    remove: () => {
      setDefaultCACertificates(trusted);
      rmSync(folder, { recursive: true });
    },
  };
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
