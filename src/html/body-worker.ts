/** The thread in which the HTML of strangers is read; see body-thread.ts. */
import { parentPort } from 'node:worker_threads';
import { type BodyQuestion, bodyContent } from './body-content.ts';

const port = parentPort;
if (port === null) throw new Error('body-worker.ts runs as a worker thread');

port.on('message', (question: BodyQuestion) => {
  try {
    port.postMessage({ content: bodyContent(question) });
  } catch {
    // a deep recursion in the parser is a message that is too complex, as running out of time is
    port.postMessage({ content: null });
  }
});
