import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ScaledObject, TriggerAuthentication } from '@kubernetes-models/keda/keda.sh/v1alpha1';
import { Deployment, StatefulSet } from 'kubernetes-models/apps/v1';
import { Namespace, Service } from 'kubernetes-models/v1';
import { afterAll, describe, expect, it } from 'vitest';
import { parseSettings } from '../../../src/core/config/parse-settings.ts';
import { VERSION } from '../../../src/core/version.ts';
import { readCompose } from '../../support/compose.ts';
import { readInstructions } from '../../support/dockerfile.ts';
import {
  type Manifest,
  readConfigMap,
  readEnvironment,
  readKustomization,
  readManifests,
  readResources,
  readWorkload,
  readWorkloads,
  type Service as ServiceManifest,
} from '../../support/kubernetes-manifests.ts';

const MODELS = { Namespace, Service, Deployment, StatefulSet, ScaledObject, TriggerAuthentication };
const KEDA = 'keda.yaml';
const resources = readResources();
const services = resources.filter(({ kind }) => kind === 'Service') as unknown as ServiceManifest[];
const workloads = readWorkloads();
const containers = workloads.flatMap(({ metadata, spec }) =>
  [...(spec.template.spec.initContainers ?? []), ...spec.template.spec.containers].map(
    (container) => ({ workload: metadata.name, name: container.name, container }),
  ),
);
const README = readFileSync('examples/kubernetes/README.md', 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'perfscope-manifests-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const withNames = (manifests: readonly Manifest[]) =>
  manifests.map((each) => [`${each.kind} ${each.metadata.name}`, each] as const);

/** Validates a manifest with Kubernetes' OpenAPI schema. @throws Error with the first difference */
function validate(manifest: Manifest): void {
  const { apiVersion, kind, ...data } = manifest;
  const Model = MODELS[kind as keyof typeof MODELS];
  expect([Model?.apiVersion, Model?.kind]).toEqual([apiVersion, kind]);
  // biome-ignore lint/suspicious/noExplicitAny: the schema checks the type.
  new Model(data as any).validate();
}

/**
 * Compiles manifests as values of Kubernetes' types. In contrast to the schema, types have no unknown fields.
 *
 * @returns the errors of the compiler
 */
function findUnknownFields(manifests: readonly Manifest[]): string {
  const lines = manifests.map(({ apiVersion, kind, ...rest }, index) => {
    const library = apiVersion.startsWith('keda')
      ? `@kubernetes-models/keda/${apiVersion}`
      : `kubernetes-models/${apiVersion}`;
    const value = JSON.stringify({ apiVersion, kind, ...rest });
    return `export const m${index}: import('${library}').I${kind} = ${value};\n`;
  });
  const file = join(folder, 'manifests.mts');
  writeFileSync(file, lines.join(''));
  rmSync(join(folder, 'node_modules'), { force: true });
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  const flags = ['--noEmit', '--strict', '--skipLibCheck', '--ignoreConfig', '--types', ''];
  try {
    const tsc = resolve('node_modules/typescript/bin/tsc');
    execFileSync(process.execPath, [tsc, ...flags, '--module', 'nodenext', file], {
      cwd: folder,
      encoding: 'utf8',
    });
    return '';
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

it.each(withNames([...resources, ...readManifests(KEDA)]))(
  '%s matches the schema of Kubernetes',
  (_name, manifest) => validate(manifest),
);

it('has no unknown fields, and finds misspelled ones', () => {
  expect(findUnknownFields([...resources, ...readManifests(KEDA)])).toBe('');
  const misspelled = JSON.stringify(resources).replace('readinessProbe', 'readinesProbe');
  expect(findUnknownFields(JSON.parse(misspelled))).toMatch(/readinesProbe\S+ does not exist/);
});

it('rejects values of the wrong type', () => {
  const { spec, ...rest } = readWorkload('booking');
  const wrong = { ...rest, apiVersion: 'apps/v1', spec: { ...spec, replicas: '2' } };
  expect(() => validate(wrong as unknown as Manifest)).toThrow('replicas must be integer');
});

it.each(services.map((each) => [each.metadata.name, each] as const))(
  'the Service %s selects the pods of one workload and named ports',
  (_name, { spec }) => {
    const selected = workloads.filter(({ spec: { template } }) =>
      Object.entries(spec.selector).every(
        ([key, value]) => template.metadata.labels?.[key] === value,
      ),
    );
    expect(selected).toHaveLength(1);
    const [workload] = selected;
    const ports = workload!.spec.template.spec.containers.flatMap((each) => each.ports ?? []);
    for (const { targetPort } of spec.ports)
      expect(ports.map(({ name }) => name)).toContain(targetPort);
  },
);

describe.each(workloads.map((each) => [each.metadata.name, each] as const))(
  'the pods of %s',
  (_name, { kind, spec }) => {
    const pod = spec.template.spec;

    it('have the labels of the selector, and a Service if they are a StatefulSet', () => {
      expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
      const names = services.map(({ metadata }) => metadata.name);
      if (kind === 'StatefulSet') expect(names).toContain(spec.serviceName);
    });

    it('run without root and without service links', () => {
      expect(pod).toMatchObject({
        enableServiceLinks: false,
        automountServiceAccountToken: false,
        securityContext: {
          runAsNonRoot: true,
          fsGroupChangePolicy: 'OnRootMismatch',
          seccompProfile: { type: 'RuntimeDefault' },
        },
      });
      expect(pod.securityContext.runAsUser).toBe(pod.securityContext.fsGroup);
    });

    it('mount each volume, and only volumes that exist', () => {
      const claims = (spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name);
      const volumes = [...pod.volumes.map(({ name }) => name), ...claims];
      const all = [...(pod.initContainers ?? []), ...pod.containers];
      const mounted = all.flatMap(({ volumeMounts }) => volumeMounts.map(({ name }) => name));
      expect(new Set(mounted)).toEqual(new Set(volumes));
    });

    it('use the Secret that the README creates', () => {
      expect(README).toContain('create secret generic perfscope-questdb --from-file=secrets');
      const keys = [...README.matchAll(/>secrets\/([\w-]+)$/gm)].map(([, key]) => key);
      const secrets = pod.volumes.flatMap(({ secret }) => secret ?? []);
      expect(secrets.length).toBe(1);
      for (const { secretName, items } of secrets) {
        expect(secretName).toBe('perfscope-questdb');
        expect(keys).toEqual(expect.arrayContaining(items.map(({ key }) => key)));
      }
    });
  },
);

it.each(containers)('the container $name of $workload has valid settings', ({ container }) => {
  expect(container.securityContext).toMatchObject({
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
  });
  const fields = {
    'metadata.name': 'booking-1',
    'spec.nodeName': 'node-1',
    "metadata.labels['app.kubernetes.io/name']": 'booking',
    "metadata.labels['app.kubernetes.io/version']": '1.0.0',
  };
  const env = readEnvironment(container, fields);
  const files = Object.keys(env).filter((name) => name.endsWith('_FILE'));
  expect(files.length).toBeGreaterThan(0);
  for (const name of files) {
    const mount = container.volumeMounts.find(({ mountPath }) => env[name]!.startsWith(mountPath));
    expect([name, mount?.name]).toEqual([name, 'passwords']);
    delete env[name];
  }
  expect(parseSettings(env).problems).toEqual([]);
  expect(Object.values(env).filter((value) => value.includes('$('))).toEqual([]);
});

it('QuestDB has the settings of the stack', () => {
  const expected = Object.entries(readCompose().services.questdb!.environment!).map(
    ([key, value]) => [key, value.replace('/run/perfscope/questdb/', '/run/secrets/questdb/')],
  );
  expect(readConfigMap('questdb')).toEqual(Object.fromEntries(expected));
});

it('uses the images of the stack and of the Docker example', () => {
  const images = Object.fromEntries(
    readKustomization().images.map(({ name, newName, newTag }) => [name, `${newName}:${newTag}`]),
  );
  const stack = readCompose().services;
  const { booking } = readCompose('examples/docker/compose.yaml').services;
  expect(images).toEqual({ perfscope: stack.perfscope!.image, booking: booking!.image });
  expect(images.perfscope).toBe(`perfscope:${VERSION}`);
  for (const { container } of containers) {
    const isBuilt = container.image in images;
    expect(isBuilt || container.image === stack.questdb!.image).toBe(true);
  }
  const labels = readWorkload('booking').spec.template.metadata.labels;
  expect(`booking:${labels?.['app.kubernetes.io/version']}`).toBe(booking!.image);
});

it('the images run as the users in the manifests', () => {
  const users = (file: string) =>
    readInstructions(file)
      .filter(({ keyword }) => keyword === 'USER')
      .map(({ text }) => text);
  for (const [name, file] of [
    ['perfscope', 'Dockerfile'],
    ['booking', 'examples/docker/Dockerfile'],
  ] as const) {
    const { runAsUser, runAsGroup } = readWorkload(name).spec.template.spec.securityContext;
    expect(users(file)).toContain(`${runAsUser}:${runAsGroup}`);
  }
  const stack = readFileSync('deploy/secrets.mjs', 'utf8');
  const { runAsUser } = readWorkload('questdb').spec.template.spec.securityContext;
  expect(stack).toContain(`questdb: ${runAsUser},`);
});

it('gives the service enough time to send its last rows', () => {
  const pod = readWorkload('booking').spec.template.spec;
  const [container] = pod.containers;
  const env = container!.env!.find(({ name }) => name === 'PERFORMANCE_EXIT_TIMEOUT');
  const preStop = 5;
  const longestRequest = 10;
  const seconds = preStop + longestRequest + Number(env!.value) / 1000;
  expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(seconds);
});

it('KEDA scales the Deployment with the key that the README creates', () => {
  const [authentication, scaled] = readManifests(KEDA) as unknown as [
    { spec: { secretTargetRef: { name: string; key: string }[] } } & Manifest,
    {
      spec: {
        scaleTargetRef: { name: string };
        triggers: { authenticationRef: { name: string } }[];
      };
    } & Manifest,
  ];
  expect(workloads.map(({ metadata }) => metadata.name)).toContain(scaled.spec.scaleTargetRef.name);
  expect(scaled.spec.triggers[0]!.authenticationRef.name).toBe(authentication.metadata.name);
  const [{ name, key } = { name: '', key: '' }] = authentication.spec.secretTargetRef;
  expect(README).toContain(`create secret generic ${name} --from-file=${key}\n`);
  const { namespace } = readKustomization() as unknown as { namespace: string };
  expect([authentication.metadata.namespace, scaled.metadata.namespace]).toEqual([
    namespace,
    namespace,
  ]);
});
