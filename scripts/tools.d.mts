export function toolPath(
  name:
    | 'collector'
    | 'compose'
    | 'elasticmq'
    | 'ferretdb'
    | 'cassandra'
    | 'opensearch'
    | 'go-service'
    | 'hadolint'
    | 'kafka'
    | 'prometheus'
    | 'python-packages',
  log?: (line: string) => void,
): Promise<string>;

export function buildTestTools(log: (line: string) => void): Promise<void>;
