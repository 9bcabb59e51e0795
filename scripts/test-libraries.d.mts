export function installTestLibraries(
  log?: (line: string) => void,
  options?: { root?: string; limitsMs?: readonly number[] },
): Promise<void>;
