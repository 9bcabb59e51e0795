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
  readonly networks?: readonly string[];
  readonly user?: string;
  readonly read_only?: boolean;
  readonly stop_grace_period?: string;
  readonly volumes?: readonly (string | VolumeMount)[];
  readonly cap_drop?: readonly string[];
}

/** The long form of an entry in `volumes`. */
export interface VolumeMount {
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly read_only?: boolean;
  readonly volume?: { readonly subpath?: string };
}

/** A network or volume. */
interface ExternalResource {
  readonly name?: string;
  readonly external?: boolean;
}

interface Compose {
  readonly name: string;
  readonly networks?: Readonly<Record<string, ExternalResource>>;
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, ExternalResource | null>>;
}

export const COMPOSE_FILE = 'docker-compose.yml';
/** Path of the secrets inside the containers. */
const CONTAINER_SECRETS_DIR = '/run/perfscope';

/** @param file path of the file. Default: the stack in the root folder. */
export function readCompose(file = COMPOSE_FILE): Compose {
  return parse(readFileSync(file, 'utf8'), { merge: true }) as Compose;
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
