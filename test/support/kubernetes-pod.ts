import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Container, readEnvironment, type Workload } from './kubernetes-manifests.ts';

export interface KubernetesPodOptions {
  /** Name of the pod. */
  readonly name: string;
  /** Folder for the volumes of all pods. */
  readonly folder: string;
  /** Folder with the content of the Secret. */
  readonly secret: string;
  /** Addresses in the cluster, and their replacements. They are also replaced in the files of the Secret. */
  readonly addresses: Readonly<Record<string, string>>;
}

/** The volumes and the environment of a pod, as Kubernetes creates them, on this machine. */
export class KubernetesPod {
  readonly #workload: Workload;
  readonly #options: KubernetesPodOptions;
  readonly #root: string;

  constructor(workload: Workload, options: KubernetesPodOptions) {
    this.#workload = workload;
    this.#options = options;
    this.#root = join(options.folder, options.name);
    const { volumes } = workload.spec.template.spec;
    const claims = workload.spec.volumeClaimTemplates ?? [];
    for (const name of [...volumes.map((each) => each.name), ...claims.map(toName)])
      mkdirSync(this.getVolume(name), { recursive: true });
    for (const { name, secret } of volumes) {
      for (const { key, path } of secret?.items ?? []) {
        const text = readFileSync(join(options.secret, key), 'utf8');
        writeFileSync(join(this.getVolume(name), path), replaceAll(text, options.addresses));
      }
    }
  }

  /** Folder with the content of a volume. */
  getVolume(name: string): string {
    return join(this.#root, name);
  }

  /** Returns the path on this machine of a file in a container. */
  findFile(container: Container, path: string): string {
    return replaceAll(path, this.#getMounts(container));
  }

  /** Returns the environment of a container, with addresses and paths of this machine. */
  getEnvironment(container: Container): Record<string, string> {
    const { metadata } = this.#workload.spec.template;
    const labels = Object.entries(metadata.labels ?? {});
    const env = readEnvironment(container, {
      'metadata.name': this.#options.name,
      'spec.nodeName': 'node-1',
      ...Object.fromEntries(labels.map(([key, value]) => [`metadata.labels['${key}']`, value])),
    });
    return this.#replaceInValues(env, container);
  }

  /** Returns the arguments of a container, with paths of this machine. */
  getArguments(container: Container): string[] {
    return (container.args ?? []).map((each) => this.findFile(container, each));
  }

  #replaceInValues(env: Readonly<Record<string, string>>, container: Container) {
    const replacements = { ...this.#options.addresses, ...this.#getMounts(container) };
    const entries = Object.entries(env).map(([key, value]) => [
      key,
      replaceAll(value, replacements),
    ]);
    return Object.fromEntries(entries) as Record<string, string>;
  }

  #getMounts({ volumeMounts }: Container): Record<string, string> {
    const entries = volumeMounts.map(({ name, mountPath }) => [mountPath, this.getVolume(name)]);
    return Object.fromEntries(entries) as Record<string, string>;
  }
}

const toName = ({ metadata }: { readonly metadata: { readonly name: string } }) => metadata.name;

/** Replaces all keys with their values in one pass, so that a value can contain a key. */
function replaceAll(text: string, replacements: Readonly<Record<string, string>>): string {
  const keys = Object.keys(replacements);
  if (keys.length === 0) return text;
  const pattern = new RegExp(
    keys.map((key) => key.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'),
    'g',
  );
  return text.replaceAll(pattern, (key) => replacements[key]!);
}
