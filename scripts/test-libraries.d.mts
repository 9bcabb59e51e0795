export const API_DOCS_PACKAGES: string;

export function installTestLibraries(
  log?: (line: string) => void,
  options?: { roots?: readonly string[]; limitsMs?: readonly number[] },
): Promise<void>;
