export interface MissingTool {
  name: string;
  debianPackage: string;
}

export interface JavaCommand {
  command: string;
  /** Major version, for example 17. */
  version: number;
}

export function findJava(): JavaCommand | undefined;
export function getCacheFolder(): string;
export function resolveJar(options: { log: (line: string) => void }): Promise<string>;
export function findMissingQuestdbTools(): MissingTool[];
export function formatInstallHint(missing: readonly MissingTool[]): string;
