import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

const FOLDER = 'examples/kubernetes';

interface EnvVariable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly EnvVariable[];
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface SecretVolume {
  readonly secretName: string;
  readonly items: readonly { readonly key: string; readonly path: string }[];
}

interface PodSpec {
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly terminationGracePeriodSeconds: number;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly secret?: SecretVolume }[];
}

interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A Deployment or a StatefulSet. */
export interface Workload {
  readonly kind: string;
  readonly metadata: Metadata;
  readonly spec: {
    readonly replicas: number;
    readonly serviceName?: string;
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: { readonly metadata: Metadata; readonly spec: PodSpec };
    readonly volumeClaimTemplates?: readonly { readonly metadata: Metadata }[];
  };
}

export interface Service {
  readonly kind: 'Service';
  readonly metadata: Metadata;
  readonly spec: {
    readonly selector: Readonly<Record<string, string>>;
    readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
  };
}

/** An object of any kind, without its details. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
}

interface Kustomization {
  readonly resources: readonly string[];
  readonly configMapGenerator: readonly { readonly name: string; readonly envs: string[] }[];
  readonly images: readonly {
    readonly name: string;
    readonly newName: string;
    readonly newTag: string;
  }[];
}

/** Returns the objects in a file. Reads YAML 1.1, as kubectl does: `0440` is an octal number. */
export function readManifests(file: string): Manifest[] {
  const text = readFileSync(join(FOLDER, file), 'utf8');
  return parseAllDocuments(text, { version: '1.1', merge: true }).map((document) => {
    if ('errors' in document && document.errors.length > 0) throw document.errors[0];
    return (document as { toJS(): unknown }).toJS() as Manifest;
  });
}

export function readKustomization(): Kustomization {
  return parse(readFileSync(join(FOLDER, 'kustomization.yaml'), 'utf8')) as Kustomization;
}

/** Returns the objects of all resources in the kustomization. */
export function readResources(): Manifest[] {
  return readKustomization().resources.flatMap(readManifests);
}

export function readWorkloads(): Workload[] {
  return readResources().filter(
    ({ kind }) => kind === 'Deployment' || kind === 'StatefulSet',
  ) as unknown as Workload[];
}

/** Returns the Deployment or the StatefulSet with a name. */
export function readWorkload(name: string): Workload {
  return readWorkloads().find(({ metadata }) => metadata.name === name)!;
}

/** Returns the variables in a generated ConfigMap. */
export function readConfigMap(name: string): Record<string, string> {
  const { envs } = readKustomization().configMapGenerator.find((each) => each.name === name)!;
  const lines = envs.flatMap((file) => readFileSync(join(FOLDER, file), 'utf8').split('\n'));
  return Object.fromEntries(
    lines
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split(/=(.*)/s) as [string, string]),
  );
}

/**
 * Returns the environment of a container, as Kubernetes creates it.
 *
 * @param fields values of the downward API, by path, such as `metadata.name`
 */
export function readEnvironment(
  { env = [], envFrom = [] }: Container,
  fields: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const result = Object.assign({}, ...envFrom.map((each) => readConfigMap(each.configMapRef.name)));
  for (const { name, value, valueFrom } of env) {
    const text = value ?? fields[valueFrom!.fieldRef.fieldPath];
    if (text === undefined) throw new Error(`${name} has no value`);
    // Kubernetes replaces only variables that are defined before.
    result[name] = text.replaceAll(
      /\$\((\w+)\)/g,
      (match, other: string) => result[other] ?? match,
    );
  }
  return result;
}
