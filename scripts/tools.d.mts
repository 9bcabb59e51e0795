export function toolPath(name: 'collector' | 'compose' | 'hadolint'): Promise<string>;
