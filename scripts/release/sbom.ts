// Formats software bills of materials (SBOM) in CycloneDX 1.6. The documents have no serial number and no current
// time, so equal input gives equal files. The tests validate them with CycloneDX's JSON schema.

/** A package in an SBOM. */
export interface SbomPackage {
  /** The package URL. It identifies the package in the document. */
  readonly purl: string;
  readonly name: string;
  readonly version: string;
  /** An SPDX expression, for example `MIT`. */
  readonly license: string;
  /** Hashes in hexadecimal. Default: none. */
  readonly hashes?: readonly { readonly alg: 'SHA-256' | 'SHA-512'; readonly content: string }[];
  /**
   * The package URLs of the packages that this package uses directly. Packages that are not in the document are
   * ignored. Default: none.
   */
  readonly dependsOn?: readonly string[];
}

interface Sbom {
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

type Component = Omit<SbomPackage, 'license' | 'dependsOn'> & {
  readonly licenses: readonly [{ readonly expression: string }];
};

/**
 * Returns the SBOM of `main` as JSON text.
 *
 * @param packages all packages that `main` contains or installs. Equal package URLs are listed once.
 * @param epochSeconds the build time. Default: the environment variable `SOURCE_DATE_EPOCH`. Without a build time, the
 *   document has no timestamp.
 */
export function formatSbom(
  main: SbomPackage,
  packages: readonly SbomPackage[],
  epochSeconds: string | undefined = process.env.SOURCE_DATE_EPOCH,
): string {
  const unique = new Map(packages.map((each) => [each.purl, each]));
  const sorted = [...unique.values()].toSorted((a, b) => (a.purl < b.purl ? -1 : 1));
  const sbom = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: epochSeconds ? new Date(Number(epochSeconds) * 1000).toISOString() : undefined,
      lifecycles: [{ phase: 'build' }],
      component: toComponent(main),
    },
    components: sorted.map(toComponent),
    dependencies: [main, ...sorted].map(({ purl, dependsOn = [] }) => ({
      ref: purl,
      dependsOn: [...new Set(dependsOn)].filter((each) => unique.has(each)).toSorted(),
    })),
  };
  return `${JSON.stringify(sbom, null, 2)}\n`;
}

/** Returns the packages in an SBOM, without `main`. */
export function readSbomPackages(text: string): SbomPackage[] {
  const { components, dependencies } = JSON.parse(text) as Sbom;
  const edges = new Map(dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
  return components.map(({ purl, name, version, hashes, licenses: [license] }) => ({
    purl,
    name,
    version,
    license: license.expression,
    ...(hashes ? { hashes } : {}),
    dependsOn: edges.get(purl) ?? [],
  }));
}

function toComponent({ purl, name, version, license, hashes }: SbomPackage) {
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    ...(hashes ? { hashes } : {}),
    licenses: [{ expression: license }],
    purl,
  };
}

/** Returns the package URL of an npm package. */
export function npmPurl(name: string, version: string): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}
