export function toolPath(
  name: 'collector' | 'compose' | 'go-service' | 'hadolint' | 'python-packages',
): Promise<string>;
