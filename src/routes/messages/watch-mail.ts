import { PassThrough } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { type MailWatches, watchNewMail } from '../../services/mailbox/new-mail.ts';

/** Open pages of one session that are told at once; above it the oldest is let go. */
const STREAMS_PER_SESSION = 3;
/** Proxies close what is silent for a minute. */
const KEEP_ALIVE_MS = 25_000;
/** How long a browser waits before it comes back. */
const RETRY_MS = 10_000;
const EVICTED = 'evicted';

/** The streams of this node, by session. */
export type OpenStreams = Map<string, AbortController[]>;

/** When the node stops: the browsers come back to another one. */
export function endStreams(streams: OpenStreams): void {
  for (const open of streams.values()) for (const ended of open) ended.abort();
}

/** Server-sent events: `mail` with how many messages came; `gone` tells a page to ask from now on, since newer ones took its place. */
export function watchMail(context: Context, streams: OpenStreams) {
  const watches: MailWatches = new Map();
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const stream = new PassThrough();
    const ended = enrol(streams, session.sessionId);
    const keepAlive = setInterval(() => stream.write(': still here\n\n'), KEEP_ALIVE_MS);
    keepAlive.unref();
    stream.write(`retry: ${RETRY_MS}\n\n`);
    // The browser closed the page; a stream that ended by itself gets here as well.
    stream.on('close', () => ended.abort());
    void watchNewMail(
      context,
      watches,
      session,
      markOf(request),
      ({ count, mark }) => {
        if (stream.writableEnded) return;
        // The first one has often no mail to tell of: the page needs its mark all the same, should it have to ask later.
        stream.write(`id: ${mark}\nevent: mail\ndata: ${JSON.stringify({ count })}\n\n`);
      },
      ended.signal,
    )
      .catch(() => {})
      .then(() => {
        clearInterval(keepAlive);
        leave(streams, session.sessionId, ended);
        if (stream.destroyed || stream.writableEnded) return;
        // After a sign-out the browser comes back once and is refused; after an unlock it comes back with its new cookie.
        stream.end(ended.signal.reason === EVICTED ? 'event: gone\ndata: {}\n\n' : undefined);
      });
    return reply.type('text/event-stream; charset=utf-8').header('x-accel-buffering', 'no').send(stream);
  };
}

function markOf(request: FastifyRequest): number | null {
  const last = request.headers['last-event-id'];
  return typeof last === 'string' && /^\d{1,10}$/.test(last) ? Number(last) : null;
}

function enrol(streams: OpenStreams, sessionId: string): AbortController {
  const ended = new AbortController();
  const open = streams.get(sessionId) ?? [];
  open.push(ended);
  streams.set(sessionId, open);
  if (open.length > STREAMS_PER_SESSION) open.shift()?.abort(EVICTED);
  return ended;
}

function leave(streams: OpenStreams, sessionId: string, ended: AbortController): void {
  const open = (streams.get(sessionId) ?? []).filter((each) => each !== ended);
  if (open.length > 0) streams.set(sessionId, open);
  else streams.delete(sessionId);
}
