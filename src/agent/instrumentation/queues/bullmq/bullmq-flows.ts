import type { FilePatch } from '../../loading/library.ts';
import { observeMethod } from '../../loading/method-patching.ts';
import { recordQueueOperations } from '../queue-operations.ts';
import { getQueueScope } from '../redis-queue-scope.ts';
import type { BullmqJob } from './bullmq-job-transition.ts';

/** What fails, for `guard`. */
const PART = 'the BullMQ instrumentation';

interface FlowNode {
  job: BullmqJob;
  children?: FlowNode[];
}

interface FlowRecorder {
  /** Records a job that was added. */
  readonly recordAdded: (job: BullmqJob, hasChildren: boolean) => void;
  /** Called for each job that waits for its children. */
  readonly onParent: (job: BullmqJob) => void;
}

/**
 * Records the jobs of flows.
 *
 * @param folder folder of the patched file
 */
export function patchBullmqFlows(
  folder: string,
  { recordAdded, onParent }: FlowRecorder,
): Record<string, FilePatch> {
  const recordAddedTree = (node: FlowNode) => {
    const hasChildren = (node.children?.length ?? 0) > 0;
    recordAdded(node.job, hasChildren);
    if (hasChildren) onParent(node.job);
    for (const child of node.children ?? []) recordAddedTree(child);
  };

  const patchFlows = (exports: unknown) => {
    const { prototype } = (exports as { FlowProducer: { prototype: object } }).FlowProducer;
    recordQueueOperations(prototype, ['add', 'addBulk'], (_, [flows]) => getFlowQueue(flows));
    observeMethod(PART, prototype, 'add', {
      after: (_, node: FlowNode) => recordAddedTree(node),
    });
    observeMethod(PART, prototype, 'addBulk', {
      after: (_, nodes: FlowNode[]) => {
        for (const node of nodes) recordAddedTree(node);
      },
    });
    // The queue of a flow's job has no connection options.
    observeMethod<object>(PART, prototype, 'queueFromNode', {
      after: (producer, queue: object) => getQueueScope(queue, producer),
    });
  };

  return { [`${folder}/flow-producer.js`]: patchFlows };
}

/** Returns the queue of a flow, or of the first of several flows. */
function getFlowQueue(flows: unknown): string {
  const flow = (Array.isArray(flows) ? flows[0] : flows) as { queueName?: unknown } | undefined;
  return String(flow?.queueName ?? '');
}
