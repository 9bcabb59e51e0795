export interface InstallationPlan {
  /** `apt-get` or `brew`. */
  manager: string;
  packages: string[];
  commands: [string, string[]][];
}

export function planInstallation(
  missing: readonly { name: string; debianPackage: string }[],
  system?: { isDebianRoot: boolean; hasBrew: boolean },
): InstallationPlan | undefined;
export function hasConsent(args: readonly string[], env: NodeJS.ProcessEnv): boolean;
