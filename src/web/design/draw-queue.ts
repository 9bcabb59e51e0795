const drawings: (() => void)[] = [];
const channel = new MessageChannel();

channel.port1.onmessage = () => {
  drawings.shift()?.();
};

/** Draws in a separate task, so that input isn't blocked while many charts are updated at once. */
export function drawLater(draw: () => void): void {
  drawings.push(draw);
  channel.port2.postMessage(undefined);
}
