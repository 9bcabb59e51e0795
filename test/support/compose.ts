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
/** Where the containers find their secrets. */
const CONTAINER_SECRETS_DIR = '/run/perfscope';

export function readCompose(): Compose {
  return parse(readFileSync(COMPOSE_FILE, 'utf8'), { merge: true }) as Compose;
}

/** What a service's containers get, as one who stands outside writes it: other places, other ports. */
export function mapContainerPaths<T>(value: T, places: Readonly<Record<string, string>>): T {
  const text = Object.entries(places).reduce(
    (so, [inside, place]) => so.replaceAll(inside, place),
    JSON.stringify(value).replaceAll('$$', '$'),
  );
  return JSON.parse(text) as T;
}

export const mapSecretsFolder = (folder: string) => ({ [CONTAINER_SECRETS_DIR]: folder });
