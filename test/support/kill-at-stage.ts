/**
 * Returns a function that kills the process with SIGKILL if it is called with the given stage. No code of the
 * process runs after that.
 */
export function createKillAtStage(stage: string): (current: string) => void {
  return (current) => {
    if (current === stage) process.kill(process.pid, 'SIGKILL');
  };
}
