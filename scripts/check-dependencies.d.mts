export function formatOutdated(
  outdated: Record<string, { current?: string; wanted: string; latest: string }>,
): string[];
export function formatAudit(audit: {
  vulnerabilities?: Record<string, { severity: string; range: string }>;
}): { lines: string[]; failed: boolean };
