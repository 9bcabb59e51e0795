interface MissingTool {
  name: string;
  debianPackage: string;
}

export const QUESTDB_VERSION: string;
export function findJava(): string | undefined;
export function cachedJarPath(): string;
export function resolveJar(options: { log: (line: string) => void }): Promise<string>;
export function missingTools(purpose: 'start' | 'demo' | 'test'): MissingTool[];
export function isDebian(): boolean;
export function installHint(missing: MissingTool[]): string;
