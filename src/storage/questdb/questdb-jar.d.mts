export interface MissingTool {
  name: string;
  debianPackage: string;
}

export const QUESTDB_VERSION: string;
export function findJava(): string | undefined;
export function resolveJar(options: { log: (line: string) => void }): Promise<string>;
export function findMissingQuestdbTools(): MissingTool[];
export function formatInstallHint(missing: readonly MissingTool[]): string;
