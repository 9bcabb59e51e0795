import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly target?: string };
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: { readonly disable?: true; readonly test?: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly ports?: readonly string[];
  readonly profiles?: readonly string[];
  readonly restart: string;
  readonly user?: string;
  readonly volumes?: readonly string[];
  readonly cap_drop?: readonly string[];
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

export const COMPOSE_FILE = 'docker-compose.yml';
/** Path of the secrets inside the containers. */
const CONTAINER_SECRETS_DIR = '/run/perfscope';

export function readCompose(): Compose {
  return parse(readFileSync(COMPOSE_FILE, 'utf8'), { merge: true }) as Compose;
}

/**
 * Replaces container paths and ports in a value from the compose file, so that it works outside the container.
 *
 * @param replacements maps each text in the container to its replacement
 */
export function mapContainerPaths<T>(value: T, replacements: Readonly<Record<string, string>>): T {
  const text = Object.entries(replacements).reduce(
    (result, [from, to]) => result.replaceAll(from, to),
    JSON.stringify(value).replaceAll('$$', '$'),
  );
  return JSON.parse(text) as T;
}

export const mapSecretsFolder = (folder: string) => ({ [CONTAINER_SECRETS_DIR]: folder });
