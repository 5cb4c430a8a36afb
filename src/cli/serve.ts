import { readConfig } from '../config.ts';
import { startNode } from '../server.ts';

/** `sealpost serve`: one node until SIGTERM or SIGINT; then requests and the running submission may finish. */
export async function serve(): Promise<number> {
  const node = await startNode(readConfig(process.env));
  console.error(`Sealpost answers at ${node.url}`);
  await untilAskedToStop();
  await node.stop();
  return 0;
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
export function untilAskedToStop(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
