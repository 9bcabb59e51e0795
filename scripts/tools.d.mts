export function toolPath(
  name:
    | 'collector'
    | 'compose'
    | 'elasticmq'
    | 'ferretdb'
    | 'go-service'
    | 'hadolint'
    | 'prometheus'
    | 'python-packages',
  log?: (line: string) => void,
): Promise<string>;
